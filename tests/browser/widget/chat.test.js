// A conversation with the assistant and with an agent.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, newVisitor } from './browser.js';
import { ChatPage } from './chat.js';
import { startModel } from './model.js';
import { startParlor } from './parlor.js';
import { startSite } from './site.js';
import { ATTACKS } from './xss.js';

let browser, model, parlor, site, builtin, builtinSite;
before(async () => {
  model = await startModel();
  [browser, parlor, builtin] = await Promise.all(
    [launch(), startParlor({ model: model.url }), startParlor()]);
  [site, builtinSite] = await Promise.all([startSite(parlor.url), startSite(builtin.url)]);
});
after(async () => {
  for (const server of [site, builtinSite, model]) server?.stop();
  await browser?.close();
  await Promise.all([parlor?.stop(), builtin?.stop()]);
});

async function openChat(url = site.url) {
  const visitor = await newVisitor(browser);
  const chat = await ChatPage.visit(visitor.context, url);
  return { ...visitor, chat: await chat.open() };
}

/** A chat in which the assistant has answered once. */
async function answeredChat() {
  const opened = await openChat();
  await opened.chat.send('Hello?');
  const answer = await model.nextAnswer();
  answer.write('Hello.');
  answer.end();
  await opened.chat.waitForEnd();
  const { id } = await parlor.newestConversation();
  return { ...opened, id };
}

test('answer appears while it is written', async () => {
  const { chat, problems } = await openChat();
  await chat.send('Where is my parcel?');
  await chat.panel.locator('[data-state="waiting"]').waitFor();
  const answer = await model.nextAnswer();
  answer.write('It left **Köln**');
  await chat.waitForText('It left Köln');
  answer.write(' this morning.\n\n- by train\n- by ship');
  await chat.waitForText('by ship');
  assert.equal(await chat.panel.locator('strong').innerText(), 'Köln');
  assert.equal(await chat.panel.locator('.markdown li').count(), 2);
  answer.end();
  await chat.waitForEnd();
  assert.deepEqual(problems, []);
  const { messages } = await parlor.newestConversation();
  assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant']);
  assert.equal(messages[0].pageUrl, `${site.url}/`);
});

test('sources are links below the answer', async () => {
  const { chat } = await openChat(builtinSite.url);
  await chat.send('How do I wash merino wool?');
  await chat.waitForEnd();
  const source = chat.panel.locator('.sources a').first();
  assert.match(await source.getAttribute('href'), /^https:\/\/shop\.example\//);
  assert.equal(await source.getAttribute('rel'), 'noopener noreferrer');
  assert.match(await source.innerText(), /\S/);
  assert.doesNotMatch(await chat.answers.last().innerText(), /\[1\]:/);
});

test('no text of a message becomes HTML', async () => {
  const { chat, context, page = chat.page } = await openChat();
  const hosts = new Set();
  context.on('request', (request) => hosts.add(new URL(request.url()).hostname));
  await chat.send(ATTACKS.slice(0, 6).join(' '));
  const answer = await model.nextAnswer();
  answer.write(ATTACKS.join('\n\n'));
  answer.end();
  await chat.waitForEnd();
  const found = await chat.panel.locator('.log').evaluate((log) => ({
    names: [...new Set([...log.querySelectorAll('.body *')].map(({ localName }) => localName))],
    attributes: [...log.querySelectorAll('.body *')]
      .flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')),
    schemes: [...log.querySelectorAll('a')].map(({ protocol }) => protocol),
    rels: [...log.querySelectorAll('a')].map(({ rel }) => rel),
  }));
  const allowed = ['p', 'a', 'code', 'pre', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'ul',
    'li', 'span', 'br', 'em', 'strong', 'ol', 'del', 'blockquote', 'hr'];
  assert.deepEqual(found.names.filter((name) => !allowed.includes(name)), []);
  assert.deepEqual(found.attributes, []);
  assert.deepEqual(found.schemes.filter((scheme) => !/^(https?|mailto):$/.test(scheme)), []);
  assert.ok(found.rels.length > 0 && found.rels.every((rel) => rel.includes('noopener')));
  assert.equal(await page.evaluate(() => window.attacked), undefined);
  assert.deepEqual([...hosts].filter((host) => host.includes('evil')), []);
});

test('stop ends the answer and keeps its text', async () => {
  const { chat } = await openChat();
  await chat.send('Tell me a long story.');
  const answer = await model.nextAnswer();
  answer.write('Once upon a time');
  await chat.waitForText('Once upon a time');
  await chat.button('Stop the answer').click();
  await chat.waitForEnd();
  const { messages } = await parlor.newestConversation();
  assert.equal(messages.at(-1).parts[0].text, 'Once upon a time');
  assert.equal(messages.at(-1).status, 'complete');
});

test('failed answer can be asked for again, without a second question', async () => {
  const { chat } = await openChat();
  await chat.send('Do you have oak tables?');
  const failing = await model.nextAnswer();
  failing.write('We have');
  await chat.waitForText('We have');
  failing.fail();
  await chat.button('Try again').click();
  const answer = await model.nextAnswer();
  answer.write('Yes, two sizes.');
  answer.end();
  await chat.waitForText('Yes, two sizes.');
  await chat.waitForEnd();
  const { messages } = await parlor.newestConversation();
  assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant']);
  assert.equal(await chat.questions.count(), 1);
});

test('feedback is stored, and taken back by a second click', async () => {
  const { chat, id } = await answeredChat();
  const feedback = async () => {
    const { messages } = await parlor.request('GET', `/conversations/${id}`);
    return messages.at(-1).feedback;
  };
  const like = chat.button('Helpful');
  const stored = () => chat.page.waitForResponse((response) => response.url().endsWith('/feedback'));
  await Promise.all([stored(), like.click()]);
  assert.equal(await like.getAttribute('aria-pressed'), 'true');
  assert.equal(await feedback(), 'like');
  await Promise.all([stored(), like.click()]);
  assert.equal(await feedback(), null);
});

test('agent takes over, both write, and the assistant continues', async () => {
  const { chat, id } = await answeredChat();
  const agent = (method, path, body) => parlor.request(method, `/conversations/${id}/${path}`, body);
  await agent('PUT', 'agent', { name: 'Mara' });
  await chat.panel.getByText('Mara is here').waitFor();
  await agent('POST', 'replies', { content: 'Mara here. **What** is the order number?' });
  await chat.waitForText('What is the order number?');
  assert.match(await chat.panel.locator('.author').innerText(), /Mara$/);
  await chat.send('It is 4711.');
  await chat.panel.locator('.message.user[data-state="complete"]').nth(1).waitFor();
  const { messages } = await parlor.request('GET', `/conversations/${id}`);
  assert.deepEqual(messages.map(({ role }) => role), ['user', 'assistant', 'human_agent', 'user']);
  assert.equal(model.pending, 0);
});

test('button counts the messages that arrive while the chat is closed', async () => {
  const { chat, id, page = chat.page } = await answeredChat();
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  await chat.button('Close chat').click();
  for (const content of ['One', 'Two']) {
    await parlor.request('POST', `/conversations/${id}/replies`, { content });
  }
  await page.getByRole('button', { name: 'Open chat (2 new messages)' }).waitFor();
  assert.equal(await page.locator('parlor-chat .badge').innerText(), '2');

  // Also on another page, where the visitor has not opened the chat.
  await page.goto(`${site.url}/?another`);
  await page.getByRole('button', { name: 'Open chat (2 new messages)' }).click();
  await chat.waitForText('Two');
  await page.getByRole('button', { name: 'Close chat', exact: true }).last().click();
  await page.getByRole('button', { name: 'Open chat', exact: true }).waitFor();
});

test('message that arrives before the first frame without the chat is counted', async () => {
  const { chat, id, page = chat.page } = await answeredChat();
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  await chat.panel.getByText('Mara is here').waitFor();
  // The page gets no frames and no timers from here on.
  await page.clock.install();
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 10_000));
  await page.evaluate(() => void window.parlor.close());
  for (const content of ['One', 'Two']) {
    await parlor.request('POST', `/conversations/${id}/replies`, { content });
  }
  const opens = page.getByRole('button', { name: 'Open chat (2 new messages)' });
  await opens.waitFor({ state: 'attached' });
});

test('list of conversations opens an earlier one', async () => {
  const { chat } = await answeredChat();
  await chat.button('New conversation').click();
  assert.equal(await chat.questions.count(), 0);
  await chat.send('A second question');
  const answer = await model.nextAnswer();
  answer.write('A second answer');
  answer.end();
  await chat.waitForEnd();
  await chat.button('Conversations').click();
  const entries = chat.panel.locator('.history li');
  await entries.nth(1).waitFor();
  assert.match(await entries.nth(0).innerText(), /A second question[^]*A second answer/);
  await entries.nth(1).getByRole('button').click();
  await chat.waitForText('Hello.');
  assert.deepEqual(await chat.questionTexts(), ['Hello?']);
});

test('conversation that was closed leads to a new one, with the draft', async () => {
  const { chat, id } = await answeredChat();
  await chat.input.fill('One more thing');
  await parlor.request('POST', `/conversations/${id}/close`, {});
  await chat.page.reload();
  await chat.panel.getByText('This conversation has ended.').waitFor();
  await chat.panel.locator('.ended').getByRole('button').click();
  assert.equal(await chat.input.inputValue(), 'One more thing');
});

test('Enter sends, Shift and Enter make a new line, Escape closes', async () => {
  const { chat, page = chat.page } = await openChat();
  await chat.input.fill('One');
  await chat.input.press('Shift+Enter');
  await page.keyboard.type('Two');
  await page.keyboard.press('Enter');
  const answer = await model.nextAnswer();
  answer.write('Understood.');
  answer.end();
  await chat.waitForEnd();
  assert.equal(await chat.questions.innerText(), 'One\nTwo');
  await page.keyboard.press('Escape');
  await chat.panel.waitFor({ state: 'hidden' });
  const focused = await chat.bubble.evaluate((bubble) => bubble.matches(':focus'));
  assert.ok(focused);
});
