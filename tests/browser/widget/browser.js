// Chromium for the tests of the widget.

import { chromium } from 'playwright-core';

/** Names that are not loopback addresses, so that pages on them are not trusted. */
const HOSTS = ['shop.example', 'parlor.example'];

/** Long enough for a busy machine. */
const TIMEOUT_MS = 30_000;

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 360, height: 740 };

export function launch() {
  const rules = HOSTS.map((host) => `MAP ${host} 127.0.0.1`).join(', ');
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=${rules}`],
  });
}

/**
 * Opens a window of its own visitor. `problems` collects errors of the pages and
 * violations of their content security policies.
 */
export async function newVisitor(browser, options = {}) {
  const context = await browser.newContext({
    viewport: desktop,
    // Nothing moves while a test measures it.
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const problems = [];
  context.on('weberror', (error) => problems.push(String(error.error())));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`violates ${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  context.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  return { context, problems };
}
