// Makes the picture of the README: `node screenshot.js FILE`. See `screenshot`.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { launch, openPage, origin } from './browser.js';
import { authorize, execute, openOperation, setParameter } from './reference.js';

const QUESTION = 'How do I wash merino wool?';

/** Pixels of the picture per CSS pixel. */
const SCALE = 1.5;
const HEIGHT = 540;
/** The reference is wider than its place in the picture. */
const REDUCTION = 0.8;
const TYPES = { html: 'text/html', js: 'text/javascript' };

/** Serves the pages of this folder. */
async function servePages() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const file = await readFile(new URL(`.${pathname}`, import.meta.url));
      response.setHeader('Content-Type', TYPES[pathname.split('.').pop()]);
      response.end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return server;
}

function capture(page) {
  return page.screenshot({ encoding: 'base64' });
}

async function captureChat(browser, pages) {
  const query = new URLSearchParams({ api: `${process.env.PARLOR_URL}/v2`, question: QUESTION });
  const viewport = { width: 320, height: HEIGHT, deviceScaleFactor: SCALE };
  const { page } = await openPage(browser, viewport, `${pages}/chat.html?${query}`);
  await page.waitForSelector('[data-ready]');
  return capture(page);
}

async function captureReference(browser) {
  const viewport = { width: 700, height: HEIGHT / REDUCTION, deviceScaleFactor: SCALE * REDUCTION };
  const { page } = await openPage(browser, viewport, `${origin}/v2`);
  await page.waitForSelector('.opblock');
  await authorize(page, 'private-key', 'sk_demo');
  const list = await openOperation(page, 'get', '/conversations');
  await setParameter(list, 'limit', '3');
  await execute(list);
  await page.evaluate(() => document.activeElement.blur());
  await list.$eval('.responses-wrapper', (responses) => responses.scrollIntoView());
  return capture(page);
}

const browser = await launch();
const server = await servePages();
try {
  const pages = `http://127.0.0.1:${server.address().port}`;
  const images = {
    chat: await captureChat(browser, pages),
    reference: await captureReference(browser),
  };
  const viewport = { width: 940, height: HEIGHT + 64, deviceScaleFactor: SCALE };
  const { page } = await openPage(browser, viewport, `${pages}/screenshot.html`);
  await page.evaluate(async (images) => {
    for (const [id, data] of Object.entries(images)) {
      const image = document.getElementById(id);
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
    }
  }, images);
  await page.screenshot({ path: process.argv[2] });
} finally {
  server.close();
  await browser.close();
}
