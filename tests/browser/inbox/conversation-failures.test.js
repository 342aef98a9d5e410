// Drafts and replies survive reloads, failures and lost connections; long conversations.

import assert from 'node:assert/strict';
import { request as post } from 'node:http';
import { after, afterEach, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { startProxy } from '../widget/proxy.js';
import { newAgent } from './agent.js';
import { ConversationPage } from './conversation-page.js';

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

/** A conversation of a new visitor. */
async function newConversation() {
  const visitor = { externalId: `visitor-${crypto.randomUUID()}` };
  const { id } = await parlor.request('POST', '/conversations', { visitor });
  return id;
}

async function agentAt(id, server = parlor) {
  const agent = await newAgent(browser, server, 'Mara');
  return { ...agent, conversation: await ConversationPage.open(agent.page, server, id) };
}

const repliesOf = async (id) => {
  const { messages } = await parlor.request('GET', `/conversations/${id}`);
  return messages.map(({ parts }) => parts[0].text);
};

test('drafts of reply and note survive a reload, each with its conversation', async () => {
  const [first, second] = [await newConversation(), await newConversation()];
  const { conversation, page } = await agentAt(first);
  await conversation.input.fill('A reply that is not finished');
  await conversation.button('Internal note').click();
  await conversation.input.fill('A note that is not finished');
  await page.reload();
  await conversation.log.waitFor();
  assert.equal(await conversation.input.inputValue(), 'A reply that is not finished');
  await conversation.button('Internal note').click();
  assert.equal(await conversation.input.inputValue(), 'A note that is not finished');
  await page.goto(`${parlor.url}/inbox/conversations/${second}`);
  await conversation.log.waitFor();
  assert.equal(await conversation.input.inputValue(), '');
});

test('reply that the server refuses keeps its text and can be edited', async () => {
  const id = await newConversation();
  const { conversation, page } = await agentAt(id);
  await page.route('**/replies', (route) => route.fulfill({ status: 500, json: { error: { message: 'x' } } }));
  await conversation.reply('This must not be lost');
  const row = conversation.row('This must not be lost');
  await row.getByText('Not sent').waitFor();
  await page.reload();
  await row.getByText('Not sent').waitFor();
  await row.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await conversation.input.inputValue(), 'This must not be lost');
  assert.equal(await conversation.rows.count(), 0);
  await page.unroute('**/replies');
  await conversation.input.press('Control+Enter');
  await conversation.row('This must not be lost').and(page.locator('[data-state=complete]')).waitFor();
  assert.deepEqual(await repliesOf(id), ['This must not be lost']);
});

test('reply whose response is lost is stored once', async () => {
  const id = await newConversation();
  const { conversation, page } = await agentAt(id);
  const keys = [];
  await page.route('**/replies', async (route) => {
    const request = route.request();
    const headers = await request.allHeaders();
    keys.push(headers['idempotency-key']);
    if (keys.length > 1) return route.continue();
    assert.equal(await statusOf(request.url(), headers, request.postData()), 201);
    return route.abort();
  });
  await conversation.reply('Only once');
  await conversation.row('Only once').and(page.locator('[data-state=complete]')).waitFor();
  assert.equal(await conversation.rows.filter({ hasText: 'Only once' }).count(), 1);
  assert.deepEqual(await repliesOf(id), ['Only once']);
});

/** Posts what a page would post, with its `Host`. */
function statusOf(address, headers, body) {
  const { host, port, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: pathname, method: 'POST' };
    post({ ...options, headers: { ...headers, host } }, ({ statusCode }) => resolve(statusCode))
      .on('error', reject)
      .end(body);
  });
}

test('replies are sent when the connection comes back', async () => {
  const proxy = await startProxy(parlor.target);
  const server = { ...parlor, url: proxy.url, target: proxy.url.replace('parlor.example', '127.0.0.1') };
  const id = await newConversation();
  const { conversation, page } = await agentAt(id, server);
  await conversation.input.waitFor();
  proxy.cut();
  await conversation.reply('Written without a connection');
  await conversation.row('Written without a connection').getByText('Not sent').waitFor();
  await page.getByText('No connection').first().waitFor();
  proxy.restore();
  await conversation.row('Written without a connection')
    .and(page.locator('[data-state=complete]')).waitFor();
  assert.deepEqual(await repliesOf(id), ['Written without a connection']);
  proxy.stop();
});

test('messages that arrived without a connection are read afterwards', async () => {
  const proxy = await startProxy(parlor.target);
  const server = { ...parlor, url: proxy.url, target: proxy.url.replace('parlor.example', '127.0.0.1') };
  const id = await newConversation();
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Jonas' });
  const { conversation, page } = await agentAt(id, server);
  proxy.cut();
  await page.getByText('No connection').first().waitFor();
  await parlor.request('POST', `/conversations/${id}/replies`, { content: 'Meanwhile' });
  proxy.restore();
  await conversation.row('Meanwhile').waitFor();
  proxy.stop();
});

test('conversation that does not exist, and one that cannot be loaded, say so', async () => {
  const { page } = await newAgent(browser, parlor, 'Mara');
  await page.goto(`${parlor.url}/inbox/conversations/${crypto.randomUUID()}`);
  await page.getByText('There is no such conversation').waitFor();
  const id = await newConversation();
  await page.route(`**/v2/conversations/${id}?*`, (route) => route.fulfill({ status: 403, json: {} }));
  await page.goto(`${parlor.url}/inbox/conversations/${id}`);
  await page.getByText('The conversation could not be loaded').waitFor();
  await page.unroute(`**/v2/conversations/${id}?*`);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('log').waitFor();
});

test('thousand messages open fast, and the place stays while older ones are drawn', async () => {
  const id = await newConversation();
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Jonas' });
  for (let start = 0; start < 1_000; start += 50) {
    const numbers = Array.from({ length: 50 }, (_, index) => start + index);
    for (const number of numbers) {
      const content = `Message number ${number} with **Markdown**`;
      await parlor.request('POST', `/conversations/${id}/replies`, { content });
    }
  }
  const { conversation, page } = await agentAt(id);
  await conversation.row('Message number 999').waitFor();
  const time = await page.evaluate(() => performance.now());
  assert.ok(time < 5_000, `opened after ${time} ms`);
  assert.ok((await conversation.rows.count()) < 100);
  const isAtEnd = () => conversation.log.evaluate((log) =>
    log.scrollHeight - log.scrollTop - log.clientHeight < 2);
  assert.equal(await isAtEnd(), true);
  // The oldest row that is drawn stays where the reader sees it.
  const oldest = conversation.rows.first();
  const text = await oldest.innerText();
  const positions = await conversation.log.evaluate(async (log) => {
    const row = log.querySelector('article');
    log.scrollTop = 0;
    const before = row.getBoundingClientRect().top;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return { before, after: row.getBoundingClientRect().top };
  });
  assert.ok(Math.abs(positions.before - positions.after) < 2, JSON.stringify(positions));
  assert.notEqual(await conversation.rows.first().innerText(), text);
  // A new message does not move the reader.
  await parlor.request('POST', `/conversations/${id}/replies`, { content: 'The newest one' });
  await conversation.view.getByRole('button', { name: '1 new messages' }).click();
  await conversation.row('The newest one').waitFor();
  assert.equal(await isAtEnd(), true);
});
