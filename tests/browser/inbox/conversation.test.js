// A visitor in the widget of another website, and agents in the inbox, live.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { launch, newVisitor } from '../widget/browser.js';
import { ChatPage } from '../widget/chat.js';
import { startModel } from '../widget/model.js';
import { startParlor } from '../widget/parlor.js';
import { startSite } from '../widget/site.js';
import { ATTACKS } from '../widget/xss.js';
import { newAgent } from './agent.js';
import { ConversationPage } from './conversation-page.js';

let browser, model, parlor, site;
before(async () => {
  model = await startModel();
  [browser, parlor] = await Promise.all([launch(), startParlor({ model: model.url })]);
  site = await startSite(parlor.url);
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
  model?.stop();
});
afterEach(async () => {
  model.reset();
  for (const context of browser.contexts()) await context.close();
});

/** A visitor whose question the assistant has answered. */
async function answeredVisitor(question = 'Do you ship to Norway?') {
  const { context, problems } = await newVisitor(browser);
  const chat = await (await ChatPage.visit(context, site.url)).open();
  await chat.send(question);
  const answer = await model.nextAnswer();
  answer.write('Yes, we do.');
  answer.end();
  await chat.waitForEnd();
  const { id } = await parlor.newestConversation();
  return { chat, id, problems };
}

/** An agent who has the conversation open. */
async function agentAt(id, name = 'Mara', options = {}) {
  const agent = await newAgent(browser, parlor, name, options);
  const conversation = await ConversationPage.open(agent.page, parlor, id);
  return { ...agent, conversation };
}

test('visitor and agent write to each other, live', async () => {
  const { chat, id, problems } = await answeredVisitor();
  const mara = await agentAt(id);
  await mara.conversation.row('Do you ship to Norway?').waitFor();
  await mara.conversation.button('Take over').click();
  await chat.panel.getByText('Mara is here').waitFor();
  await mara.conversation.reply('Hello, shipping costs **12 €**.');
  await chat.waitForText('shipping costs 12 €');
  await chat.send('Thank you, Mara');
  await mara.conversation.row('Thank you, Mara').waitFor();
  const roles = await mara.conversation.rows.evaluateAll((rows) => rows.map((row) => row.dataset.role));
  assert.deepEqual(roles, ['user', 'assistant', 'human_agent', 'user']);
  assert.equal(await mara.conversation.log.locator('strong').innerText(), '12 €');
  assert.deepEqual([...problems, ...mara.problems], []);
});

test('agent sees an answer while it is written, and its feedback', async () => {
  const { chat, id } = await answeredVisitor();
  const { conversation } = await agentAt(id);
  await chat.send('How long does it take?');
  const answer = await model.nextAnswer();
  answer.write('It takes **five**');
  const row = conversation.row('It takes five');
  await row.and(conversation.page.locator('[data-state=streaming]')).waitFor();
  answer.write(' days.');
  await conversation.row('It takes five days.').waitFor();
  answer.end();
  await row.and(conversation.page.locator('[data-state=complete]')).waitFor();
  assert.equal(await conversation.rows.filter({ hasText: 'It takes five' }).count(), 1);
  await chat.waitForEnd();
  await chat.button('Not helpful').last().click();
  await row.getByText('Rated not helpful').waitFor();
});

test('hand-back and close are seen by the visitor', async () => {
  const { chat, id } = await answeredVisitor();
  const { conversation } = await agentAt(id);
  await conversation.button('Take over').click();
  await chat.panel.getByText('Mara is here').waitFor();
  await conversation.button('Hand back').click();
  await chat.panel.getByText('Mara is here').waitFor({ state: 'detached' });
  await conversation.button('Take over').waitFor();
  await conversation.close('Resolved');
  await chat.panel.locator('.ended').waitFor();
  await conversation.view.getByText('Closed: Resolved').waitFor();
  const { status, closeReason } = await parlor.request('GET', `/conversations/${id}`);
  assert.deepEqual([status, closeReason], ['closed', 'Resolved']);
  assert.equal(await conversation.button('Reply').count(), 0);
});

test('visitor and agent see that the other one is writing', async () => {
  const { chat, id } = await answeredVisitor();
  const { conversation } = await agentAt(id);
  await conversation.button('Take over').click();
  await chat.panel.getByText('Mara is here').waitFor();
  await conversation.input.pressSequentially('Hel');
  await chat.panel.locator('.message.human_agent[data-state=waiting]').waitFor();
  await conversation.input.fill('');
  await chat.panel.locator('.message.human_agent[data-state=waiting]').waitFor({ state: 'detached' });
  await chat.input.pressSequentially('Hello');
  await conversation.log.locator('[data-state=typing]').waitFor();
  await chat.send('Hello Mara');
  await conversation.row('Hello Mara').waitFor();
  await conversation.log.locator('[data-state=typing]').waitFor({ state: 'detached' });
});

test('second agent is asked before taking over, and sees who replies', async () => {
  const { chat, id } = await answeredVisitor();
  const mara = await agentAt(id, 'Mara');
  const jonas = await agentAt(id, 'Jonas');
  await mara.conversation.button('Take over').click();
  await jonas.conversation.state.getByText('Mara is answering').waitFor();
  await mara.conversation.input.pressSequentially('I am');
  await jonas.conversation.view.getByText('Mara is replying').waitFor();

  await jonas.conversation.reply('Let me help.');
  await jonas.conversation.dialog.getByText('Take over from Mara?').waitFor();
  await jonas.conversation.dialog.getByRole('button', { name: 'Cancel' }).click();
  await jonas.conversation.row('Let me help.').getByText('Another agent has taken over').waitFor();
  assert.equal((await parlor.request('GET', `/conversations/${id}`)).humanAgent.name, 'Mara');

  await jonas.conversation.button('Try again').click();
  await jonas.conversation.dialog.getByRole('button', { name: 'Take over' }).click();
  await chat.waitForText('Let me help.');
  await mara.conversation.state.getByText('Jonas is answering').waitFor();
  const { messages } = await parlor.request('GET', `/conversations/${id}`);
  const replies = messages.filter(({ role }) => role === 'human_agent');
  assert.deepEqual(replies.map(({ humanAgent }) => humanAgent.name), ['Jonas']);
});

test('notes are seen by agents and never by the visitor', async () => {
  const { chat, id } = await answeredVisitor();
  const mara = await agentAt(id, 'Mara');
  const responses = [];
  chat.page.on('response', (response) => responses.push(response.text().catch(() => '')));
  chat.page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => responses.push(String(payload))));
  await chat.page.reload();
  await chat.open();
  await mara.conversation.note('Ask Jonas about the customs papers');
  await mara.conversation.reply('One moment, please.');
  await chat.waitForText('One moment, please.');
  await chat.page.reload();
  await chat.open();
  await chat.waitForText('One moment, please.');
  const received = (await Promise.all(responses)).join('\n');
  assert.match(received, /One moment, please/);
  assert.doesNotMatch(received, /customs papers/);
  const jonas = await agentAt(id, 'Jonas');
  const note = jonas.conversation.row('Ask Jonas about the customs papers');
  assert.equal(await note.getAttribute('data-role'), 'note');
  await note.getByText('internal note').waitFor();
});

test('saved reply is added, found with a slash and sent', async () => {
  const { chat, id } = await answeredVisitor();
  const { conversation, page } = await agentAt(id);
  await conversation.button('More actions').click();
  await page.getByRole('menuitem', { name: /saved replies/ }).click();
  await conversation.dialog.getByRole('button', { name: 'New saved reply' }).click();
  await conversation.dialog.getByRole('textbox', { name: 'Name' }).fill('Exchange label');
  await conversation.dialog.getByRole('textbox', { name: 'Text' }).fill('Your label is in **your account**.');
  await conversation.dialog.getByRole('button', { name: 'Save' }).click();
  await conversation.dialog.getByText('Exchange label').waitFor();
  await conversation.dialog.getByRole('button', { name: 'Done' }).click();
  await conversation.input.pressSequentially('Hello. /exch');
  await page.getByRole('option', { name: /Exchange label/ }).waitFor();
  await conversation.input.press('Enter');
  assert.equal(await conversation.input.inputValue(), 'Hello. Your label is in **your account**.');
  await conversation.button('Preview').click();
  await conversation.view.getByRole('region', { name: 'Preview' }).locator('strong').waitFor();
  await conversation.button('Send').click();
  await chat.waitForText('Your label is in your account.');
});

test('keys work while a message is shown', async () => {
  const { id } = await answeredVisitor();
  const { conversation, page } = await agentAt(id);
  await conversation.button('More actions').click();
  await page.getByRole('menuitem', { name: /Copy the link/ }).click();
  await page.locator('[role=alertdialog][aria-modal=false]').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
});

test('keys directly after r belong to the reply, also if the browser is busy', async () => {
  const { id } = await answeredVisitor();
  const { conversation, page } = await agentAt(id);
  await conversation.heading.focus();
  // The keys of one task: no frame is drawn between them.
  await page.evaluate(() => {
    for (const key of ['r', 'e']) {
      const target = document.activeElement;
      target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    }
  });
  assert.equal(await conversation.dialog.count(), 0);
  assert.ok(await conversation.input.evaluate((input) => input === document.activeElement));
});

test('blocked visitor cannot write until an agent unblocks', async () => {
  const { chat, id } = await answeredVisitor();
  const { conversation, page } = await agentAt(id);
  await conversation.button('More actions').click();
  await page.getByRole('menuitem', { name: /Block/ }).click();
  await conversation.dialog.getByRole('button', { name: 'Block' }).click();
  await conversation.view.getByText('Blocked', { exact: true }).first().waitFor();
  const { visitor } = await parlor.request('GET', `/conversations/${id}?include=visitor`);
  assert.equal(visitor.isBlocked, true);
  await chat.send('Hello again');
  await chat.panel.locator('.banner').filter({ hasText: /\S/ }).waitFor();
  await conversation.button('More actions').click();
  await page.getByRole('menuitem', { name: 'Unblock the visitor' }).click();
  await conversation.view.getByText('Blocked', { exact: true }).waitFor({ state: 'detached' });
});

test('panel tells the page, the selected text and the other conversations', async () => {
  const visitor = await newSession();
  const first = await visitor('POST', '/conversations', {});
  await visitor('POST', `/conversations/${first.id}/messages`, { content: 'My first question' });
  await visitor('POST', `/conversations/${first.id}/close`, {});
  const second = await visitor('POST', '/conversations', {});
  const pageContext = {
    url: 'https://shop.example/wool', title: 'Wool', textSelection: 'Wash at 30 degrees',
  };
  await visitor('POST', `/conversations/${second.id}/messages`, { content: 'Really?', pageContext });
  const { conversation } = await agentAt(second.id);
  const panel = conversation.view.getByRole('complementary');
  const link = panel.getByRole('link', { name: /^Wool/ });
  assert.equal(await link.getAttribute('href'), 'https://shop.example/wool');
  assert.equal(await panel.locator('blockquote').innerText(), 'Wash at 30 degrees');
  assert.equal(await conversation.row('Really?').locator('blockquote').innerText(), 'Wash at 30 degrees');
  await panel.getByText('Anonymous').waitFor();
  await panel.getByRole('link', { name: /My first question/ }).click();
  await conversation.row('My first question').waitFor();
  assert.match(conversation.page.url(), new RegExp(first.id));
});

/** Requests of a new visitor, whose questions the assistant answers with one word. */
async function newSession() {
  const request = async (method, path, body, token) => {
    const response = await fetch(`${parlor.target}/v2${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text && JSON.parse(text);
  };
  const device = { apiKey: 'pk_demo', saVid: crypto.randomUUID() };
  const { sessionToken } = await request('POST', '/identity/init', device);
  return async (method, path, body) => {
    const response = request(method, path, body, sessionToken);
    if (path.endsWith('/messages')) {
      const answer = await model.nextAnswer();
      answer.write('Yes.');
      answer.end();
    }
    return response;
  };
}

test('conversation is read when an agent sees it', async () => {
  const { chat, id } = await answeredVisitor();
  const isUnread = async () => (await parlor.request('GET', `/conversations/${id}`)).isUnread;
  assert.equal(await isUnread(), true);
  const { conversation, page } = await agentAt(id);
  await conversation.row('Yes, we do.').waitFor();
  await waitUntil(async () => !(await isUnread()));
  await page.goto('about:blank');
  await chat.send('Another question');
  (await model.nextAnswer()).end();
  await waitUntil(isUnread);
});

test('no text of a message or note becomes HTML', async () => {
  const { id } = await answeredVisitor(ATTACKS.slice(0, 6).join(' '));
  const { conversation, page, context } = await agentAt(id);
  const hosts = new Set();
  context.on('request', (request) => hosts.add(new URL(request.url()).hostname));
  await conversation.button('Take over').click();
  await conversation.button('Hand back').waitFor();
  const content = ATTACKS.join('\n\n');
  await parlor.request('POST', `/conversations/${id}/replies`, { content });
  await parlor.request('POST', `/conversations/${id}/notes`, { text: content }).catch(() => null);
  await conversation.rows.and(page.locator('[data-role=human_agent]')).first().waitFor();
  const found = await conversation.log.evaluate((log) => ({
    names: [...new Set([...log.querySelectorAll('[dir=auto] *')].map(({ localName }) => localName))],
    attributes: [...log.querySelectorAll('*')]
      .flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')),
    links: [...log.querySelectorAll('a')].map(({ protocol, rel }) => ({ protocol, rel })),
  }));
  const allowed = ['p', 'a', 'code', 'pre', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'ul',
    'li', 'span', 'br', 'em', 'strong', 'ol', 'del', 'blockquote', 'hr', 'i'];
  assert.deepEqual(found.names.filter((name) => !allowed.includes(name)), []);
  assert.deepEqual(found.attributes, []);
  assert.ok(found.links.length > 0);
  assert.ok(found.links.every(({ rel }) => rel.includes('noopener')));
  assert.ok(found.links.every(({ protocol }) => /^(https?|mailto):$/.test(protocol)));
  assert.equal(await page.evaluate(() => window.attacked), undefined);
  assert.deepEqual([...hosts].filter((host) => host.includes('evil')), []);
});

async function waitUntil(condition) {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
