// What the inbox shows when it is empty, without a connection and after the end of a session,
// and the way from the list to the end of a conversation by keyboard.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ConversationPage } from './conversation-page.js';
import { newVisitorSession, visitorWrites } from './list-page.js';

const PASSWORD = 'correct horse battery';
/** An inbox that is open shows within this time that its session has ended. */
const MAX_SIGN_OUT_MS = 5_000;

let browser, parlor, axe;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor({ conversations: 0 })]);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

async function checkAccessibility(page, name) {
  await page.evaluate(axe);
  const exclude = [['[data-live-announcer]']];
  const { violations } = await page.evaluate((exclude) => window.axe.run({ exclude }), exclude);
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(serious, [], name);
}

/** Sends a request with the session of the page. */
const send = (page, method, path, body) => page.evaluate(async ([method, path, body]) => {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`/v2${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
  const text = await response.text();
  return text && JSON.parse(text);
}, [method, path, body]);

test('empty inbox says what will appear, and where to begin', async () => {
  const { page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  for (const [path, title] of [
    ['?view=all', 'No conversations yet'],
    ['?view=waiting', 'Nobody is waiting'],
    ['', 'No conversations here'],
    ['/overview', 'No conversations in this period'],
    ['/knowledge', 'No open questions'],
    ['/nothing', 'There is no such page'],
  ]) {
    await page.goto(`${parlor.url}/inbox${path}`);
    await page.getByText(title).waitFor();
    await checkAccessibility(page, title);
  }
  await page.goto(`${parlor.url}/inbox?view=all`);
  await page.getByRole('link', { name: 'Put the chat on a page' }).click();
  await page.getByRole('heading', { name: 'Keys and websites' }).waitFor();
});

test('inbox that cannot be opened can be tried again', async () => {
  const { page } = await newAgent(browser, parlor, 'Mara Lind');
  await page.route('**/v2/agents/me', (route) => route.abort());
  await page.goto(`${parlor.url}/inbox`);
  await page.getByText('The server cannot be reached.').waitFor();
  await checkAccessibility(page, 'unreachable');
  await page.unroute('**/v2/agents/me');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
});

test('session that is ended elsewhere ends the open inbox at once, and its draft is kept', async () => {
  const { page, id } = await newAgent(browser, parlor, 'Mara Lind');
  const chat = await visitorWrites(parlor, 'How do I wash merino wool?');
  const conversation = await ConversationPage.open(page, parlor, chat);
  await send(page, 'PATCH', '/agents/me', { newPassword: PASSWORD });
  const { email } = await send(page, 'GET', '/agents/me');
  const { data } = await send(page, 'GET', '/agents/me/sessions');
  await conversation.input.fill('A reply that is not finished');

  // The agent signs out this session from another device.
  const { signInLink } = await parlor.request('POST', `/agents/${id}/link`);
  const response = await fetch(`${parlor.target}/v2/agents/sign-in-link`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: signInLink.split('#link=')[1] }),
  });
  const Cookie = response.headers.get('Set-Cookie').split(';')[0];
  const session = data.find(({ isCurrent }) => isCurrent).id;
  const path = `${parlor.target}/v2/agents/me/sessions/${session}`;
  const headers = { Cookie, Origin: parlor.target };
  assert.equal((await fetch(path, { method: 'DELETE', headers })).status, 204);

  await page.getByText('You were signed out.').waitFor({ timeout: MAX_SIGN_OUT_MS });
  await checkAccessibility(page, 'signed out');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Password').press('Enter');
  await conversation.log.waitFor();
  assert.match(page.url(), new RegExp(chat));
  assert.equal(await conversation.input.inputValue(), 'A reply that is not finished');
});

test('sign-out in one tab ends the others', async () => {
  const { page, context } = await newAgent(browser, parlor, 'Mara Lind');
  await page.goto(`${parlor.url}/inbox`);
  const other = await context.newPage();
  await other.goto(`${parlor.url}/inbox`);
  await other.getByRole('button', { name: 'Account of Mara Lind' }).click();
  await other.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByText('You were signed out.').waitFor({ timeout: MAX_SIGN_OUT_MS });
});

test('keyboard alone leads from the list to a reply and to the end of the conversation', async () => {
  const { page } = await newAgent(browser, parlor, 'Mara Lind');
  const visitor = await newVisitorSession(parlor);
  const id = await visitor.begin('I want to talk to a person');
  await page.goto(`${parlor.url}/inbox?view=waiting`);
  await page.locator(`[data-index="0"][href*="${id}"]`).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(id));
  const conversation = new ConversationPage(page);
  await conversation.log.waitFor();
  await page.keyboard.press('r');
  await page.waitForFunction(() => document.activeElement.localName === 'textarea');
  await page.keyboard.type('Hello, how can I help?');
  await page.keyboard.press('Control+Enter');
  await conversation.row('Hello, how can I help?').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('e');
  await conversation.dialog.waitFor();
  await page.keyboard.type('Solved');
  await page.keyboard.press('Enter');
  await conversation.view.getByText('Closed: Solved').waitFor();
  await conversation.dialog.waitFor({ state: 'detached' });
  const { status, humanAgent } = await parlor.request('GET', `/conversations/${id}`);
  assert.deepEqual([status, humanAgent.name], ['closed', 'Mara Lind']);
  await page.keyboard.press('Escape');
  await page.waitForURL(/\/inbox\?view=waiting/);
});

test('nothing moves for users who want less motion', async () => {
  const { page } = await newAgent(browser, parlor, 'Mara Lind');
  await page.route(/\/v2\/conversations\?orderBy/, () => {});
  await page.goto(`${parlor.url}/inbox?view=all`);
  await page.locator('[aria-busy=true]').waitFor();
  const moving = await page.evaluate(() => document.getAnimations()
    .filter(({ effect, playState }) => playState === 'running' && effect.getTiming().duration > 0)
    .map(({ effect }) => effect.target.outerHTML));
  assert.deepEqual(moving, []);
});
