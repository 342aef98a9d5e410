// The pages of the server itself.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, newVisitor } from './browser.js';
import { ChatPage } from './chat.js';
import { startParlor } from './parlor.js';

let browser, parlor;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

test('demo shows a shop whose chat answers', async () => {
  const { context, problems } = await newVisitor(browser);
  const chat = await ChatPage.visit(context, parlor.url);
  await chat.bubble.waitFor();
  await chat.page.getByRole('button', { name: 'Ask us anything' }).click();
  await chat.panel.locator('.starters button').first().click();
  await chat.waitForEnd();
  assert.deepEqual(problems, []);
});
