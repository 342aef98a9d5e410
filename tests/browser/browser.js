// Chromium for the tests.

import puppeteer from 'puppeteer-core';

/** A name of the demo that is not a loopback address. Chromium resolves it. */
const HOST = 'parlor.example';

/** Long enough for a busy machine. */
const TIMEOUT_MS = 60_000;

export const origin = process.env.PARLOR_URL.replace('127.0.0.1', HOST);

export const desktop = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844, isMobile: true, hasTouch: true };

export function launch() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    timeout: TIMEOUT_MS,
    args: [
      // Chromium has no sandbox for root, and little shared memory in a container.
      '--no-sandbox', '--disable-dev-shm-usage',
      `--host-resolver-rules=MAP ${HOST} 127.0.0.1`,
    ],
  });
}

/**
 * Opens a page of its own session. `problems` collects messages of the console, errors,
 * failed requests and violations of the content security policy; `hosts` the hosts
 * that the page requests from.
 */
export async function openPage(browser, viewport, url, options = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const problems = [];
  const hosts = new Set();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('console', (message) => problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}`));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:') hosts.add(host);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  if (options.dark) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  }
  await page.setViewport(viewport);
  await page.goto(url);
  return { page, problems, hosts };
}
