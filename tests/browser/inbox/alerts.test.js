// Notifications of the browser with a sound, the number in the tab and the badge.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ListPage, newVisitorSession, visitorWrites } from './list-page.js';

let browser, parlor;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

/**
 * Chromium without a window shows no notifications: these are written down. `window.shown`
 * has the notifications, `window.sounds` the number of sounds, `window.requests` how often
 * the page asked for the permission, and whether the user had clicked before.
 */
function stubBrowser(permission) {
  Object.assign(window, { shown: [], sounds: 0, requests: [] });
  window.Notification = class {
    static permission = permission;
    static async requestPermission() {
      window.requests.push(navigator.userActivation.isActive);
      this.permission = 'granted';
      return 'granted';
    }
    constructor(title, { body, tag }) {
      window.shown.push({ title, body, tag });
      window.notification = this;
    }
    close() {}
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...times) {
    window.sounds += 1;
    return start.apply(this, times);
  };
}

async function openInbox(permission = 'default') {
  // A secure context, in which the tabs of a browser have common locks.
  const server = { ...parlor, url: parlor.target };
  const agent = await newAgent(browser, server, 'Mara Lind');
  await agent.context.addInitScript(stubBrowser, permission);
  const list = new ListPage(agent.page, server.url);
  await list.open('?view=all');
  return { ...agent, list };
}

const switchOn = (page) =>
  page.getByRole('button', { name: 'Notify me when a visitor waits for a person' }).click();

test('permission is requested by a click only, and the notification has a sound', async () => {
  const { page } = await openInbox();
  assert.deepEqual(await page.evaluate(() => window.requests), []);
  await switchOn(page);
  await page.getByRole('button', { name: 'Turn notifications off' }).waitFor();
  assert.deepEqual(await page.evaluate(() => window.requests), [true]);
  await page.evaluate(() => { window.sounds = 0; });
  const id = await visitorWrites(parlor, 'I want to talk to a person');
  await page.waitForFunction(() => window.shown.length > 0 && window.sounds > 0);
  const [{ title, body }] = await page.evaluate(() => window.shown);
  assert.match(title, /waits for a person/);
  assert.equal(body, 'I want to talk to a person');
  await page.evaluate(() => window.notification.onclick());
  await page.waitForURL(`**/inbox/conversations/${id}`);
});

test('two tabs show a notification once', async () => {
  const { page, context } = await openInbox('granted');
  await switchOn(page);
  const other = await context.newPage();
  await new ListPage(other, parlor.target).open('?view=all');
  await visitorWrites(parlor, 'I want to talk to a person');
  const count = async () => {
    const counts = [page, other].map((tab) => tab.evaluate(() => window.shown.length));
    return (await Promise.all(counts)).reduce((a, b) => a + b);
  };
  for (const tab of [page, other]) await tab.waitForFunction(() => document.title.startsWith('('));
  const deadline = Date.now() + 20_000;
  while ((await count()) === 0 && Date.now() < deadline) await page.waitForTimeout(50);
  // The other tab has had the event as well: it shows the number.
  assert.equal(await count(), 1);
});

test('agent who looks at the conversation gets no notification', async () => {
  const { page } = await openInbox('granted');
  await switchOn(page);
  const visitor = await newVisitorSession(parlor);
  const open = await visitor.begin('How do I wash merino wool?');
  const other = await visitor.begin('Do you ship to Norway?');
  await page.goto(`${parlor.target}/inbox/conversations/${open}`);
  await page.getByRole('log').waitFor();
  for (const id of [open, other]) await visitor.write(id, 'I want to talk to a person');
  await page.waitForFunction(() => window.shown.length > 0);
  const tags = await page.evaluate(() => window.shown.map(({ tag }) => tag.split(':')[0]));
  assert.deepEqual(tags, [other]);
});

test('agent who has switched them off, or whose browser blocks them, gets none', async () => {
  const { page } = await openInbox('denied');
  await switchOn(page);
  await page.getByText('The browser blocks notifications of this page.').waitFor();
  await visitorWrites(parlor, 'I want to talk to a person');
  await page.waitForFunction(() => document.title.startsWith('('));
  assert.deepEqual(await page.evaluate(() => window.shown), []);
});

test('tab and badge count the conversations that wait', async () => {
  const { page } = await openInbox();
  const before = await waiting();
  const id = await visitorWrites(parlor, 'I want to talk to a person');
  const count = before + 1;
  await page.getByTitle(`${count} waiting for a person`).waitFor();
  await page.waitForFunction((start) => document.title.startsWith(start), `(${count}) `);
  assert.match(await page.locator('link[rel=icon]').getAttribute('href'), /waiting/);
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  await page.getByTitle(`${count} waiting for a person`).waitFor({ state: 'detached' });
});

async function waiting() {
  return (await parlor.request('GET', '/conversations?waiting=true&limit=1')).total;
}
