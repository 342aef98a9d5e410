// The API reference in a browser: it loads without errors and sends requests.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { desktop, launch, openPage, origin, phone } from './browser.js';
import { authorize, execute, openOperation, setBody, setParameter } from './reference.js';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

async function openReference(viewport, options) {
  const opened = await openPage(browser, viewport, `${origin}/v2`, options);
  await opened.page.waitForSelector('.opblock');
  return opened;
}

/** No errors, no violations of the policy, no other hosts. */
function assertClean({ problems, hosts }) {
  assert.deepEqual(problems, []);
  assert.deepEqual([...hosts], [new URL(origin).host]);
}

for (const [name, viewport] of Object.entries({ desktop, phone })) {
  describe(`on a ${name}`, () => {
    test('lists conversations with a private key', async () => {
      const reference = await openReference(viewport);
      await authorize(reference.page, 'private-key', 'sk_demo');
      const list = await openOperation(reference.page, 'get', '/conversations');
      await setParameter(list, 'limit', '3');
      const { status, body } = await execute(list);
      assert.equal(status, 200);
      assert.equal(body.data.length, 3);
      assertClean(reference);
    });

    test('sends a message with a session token', async () => {
      const reference = await openReference(viewport);
      const init = await openOperation(reference.page, 'post', '/identity/init');
      await setBody(init, { apiKey: 'pk_demo', saVid: `browser-${name}` });
      const session = await execute(init);
      assert.equal(session.status, 201);
      await authorize(reference.page, 'session', session.body.sessionToken);

      const start = await openOperation(reference.page, 'post', '/conversations');
      await setBody(start, {});
      const { id } = (await execute(start)).body;
      const send = await openOperation(
        reference.page, 'post', '/conversations/{conversationId}/messages');
      await setParameter(send, 'conversationId', id);
      await setBody(send, { content: 'How do I wash merino wool?' });
      const answer = await execute(send);
      assert.equal(answer.status, 200);
      assert.match(answer.body.steps[0].content[0].text, /wool programme/);
      assertClean(reference);
    });

    test('fits the width of the screen', async () => {
      const reference = await openReference(viewport);
      await openOperation(reference.page, 'get', '/conversations');
      const width = await reference.page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(width, viewport.width);
    });
  });
}

test('forgets the credentials when the page is loaded again', async () => {
  const { page } = await openReference(desktop);
  await authorize(page, 'private-key', 'sk_demo');
  await page.reload();
  await page.waitForSelector('.btn.authorize.unlocked');
  const stored = await page.evaluate(() => [localStorage.length, sessionStorage.length]);
  assert.deepEqual(stored, [0, 0]);
});

test('has a title, a filter and closed schemas', async () => {
  const reference = await openReference(desktop);
  assert.equal(await reference.page.title(), 'parlor API');
  await reference.page.waitForSelector('.operation-filter-input');
  await reference.page.waitForSelector('.models:not(.is-open)');
  assertClean(reference);
});

test('follows the color scheme of the system', async () => {
  const background = ({ page }) =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background(await openReference(desktop));
  const dark = await background(await openReference(desktop, { dark: true }));
  assert.notEqual(light, dark);
});
