// The chat when the model fails, when the visitor stops an answer, and when an agent
// takes over.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { newChat, openChat, text, waitUntil } from './chat.js';
import { FIRST_PART, COMPLETE_ANSWER, question, startModel } from './model.js';
import { privateRequest, withModel } from './servers.js';
import { test } from './timeout.js';
import { defaultVersion, versions } from './versions.js';

const model = await startModel();
const server = await withModel(model.url).catch(async (error) => {
  await model.stop();
  throw error;
});
after(async () => {
  await server.stop();
  await model.stop();
});

/** The stored messages after all answers have ended. */
const waitForRows = (stored) => waitUntil('the end of the answer', async () => {
  const rows = await stored();
  return rows.every((row) => row.status !== 'streaming') && rows;
});

const waitForFirstPart = (chat) => waitUntil('the first part of the answer', () => {
  const { lastMessage } = chat;
  return chat.status === 'streaming' && lastMessage.role === 'assistant' && text(lastMessage).startsWith(FIRST_PART);
});

/** Retries after the model has recovered: the chat has each message once. */
async function retryAndCheck({ chat, posted, retry, stored }, sent) {
  model.recover(sent);
  await retry();
  assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
  assert.deepEqual(posted.at(-1), { content: sent.content, stream: true });
  assert.deepEqual(chat.messages.map(text), [sent.content, COMPLETE_ANSWER]);
  const rows = await waitForRows(stored);
  assert.deepEqual(rows.map((row) => [row.role, text(row), row.status]),
    [['user', sent.content, 'complete'], ['assistant', COMPLETE_ANSWER, 'complete']]);
  assert.equal(rows[1].id, chat.lastMessage.id);
}

for (const version of versions) {
  test(`${version.name}: an answer of the model is complete`, async () => {
    const { chat, send, stored } = await newChat(version, server);
    const { content } = question('completes');
    await send(content);
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    assert.deepEqual(chat.messages.map(text), [content, COMPLETE_ANSWER]);
    assert.deepEqual((await waitForRows(stored)).map(text), [content, COMPLETE_ANSWER]);
  });

  for (const [behaviour, code] of [['fails', 'BAD_GATEWAY'], ['overloads', 'SERVICE_UNAVAILABLE']]) {
    test(`${version.name}: a model that ${behaviour} before the first byte causes an error`, async () => {
      const screen = await newChat(version, server);
      const sent = question(behaviour);
      await screen.send(sent.content);
      assert.equal(screen.chat.status, 'error');
      const { error } = JSON.parse(screen.chat.error.message);
      assert.equal(error.code, code);
      assert.doesNotMatch(JSON.stringify(error), /gpu-7/);
      assert.deepEqual(screen.chat.messages.map(text), [sent.content]);
      await retryAndCheck(screen, sent);
    });
  }

  for (const behaviour of ['disconnects', 'garbles', 'reports']) {
    test(`${version.name}: a model that ${behaviour} after the first part keeps the text`, async () => {
      const screen = await newChat(version, server);
      const { chat, send, stored } = screen;
      const sent = question(behaviour);
      await send(sent.content, { url: 'https://shop.example/', title: 'Shop', content: null, textSelection: null });
      assert.equal(chat.status, 'error');
      assert.ok(chat.error.message);
      assert.doesNotMatch(chat.error.message, /gpu-7/);
      assert.deepEqual(chat.messages.map(text), [sent.content, FIRST_PART]);
      const [, row] = await waitForRows(stored);
      assert.deepEqual([row.id, row.status, text(row)], [chat.lastMessage.id, 'error', FIRST_PART]);
      assert.ok(row.error);
      await retryAndCheck(screen, sent);
    });
  }

  test(`${version.name}: stopping keeps the text in the chat and on the server`, async () => {
    const { chat, send, stored } = await newChat(version, server);
    const sent = question('continues');
    const disconnected = model.disconnected(sent);
    const sending = send(sent.content);
    await waitForFirstPart(chat);
    await chat.stop();
    await sending;
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    const shownText = text(chat.lastMessage);
    await disconnected;
    const [, row] = await waitForRows(stored);
    assert.deepEqual([row.id, row.status, row.error], [chat.lastMessage.id, 'complete', null]);
    assert.ok(text(row).startsWith(shownText), `${text(row)} continues ${shownText}`);

    const { content } = question('completes');
    await send(content);
    assert.deepEqual([chat.status, text(chat.lastMessage)], ['ready', COMPLETE_ANSWER], chat.error);
  });

  test(`${version.name}: a take-over ends the answer and keeps its text`, async () => {
    const { chat, send, stored, id } = await newChat(version, server);
    const sent = question('continues');
    const disconnected = model.disconnected(sent);
    const sending = send(sent.content);
    await waitForFirstPart(chat);
    await privateRequest(server, 'PUT', `/conversations/${id}/agent`, { name: 'Mara' });
    await Promise.all([sending, disconnected]);
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    const [, row] = await waitForRows(stored);
    assert.deepEqual([row.id, row.status, row.error], [chat.lastMessage.id, 'complete', null]);
    assert.ok(text(row).startsWith(text(chat.lastMessage)));
    assert.equal((await waitForRows(stored)).length, 2);
  });
}

for (const behaviour of ['stalls', 'waits']) {
  test(`stopping a model that ${behaviour} frees the conversation`, async () => {
    const { chat, send, stored } = await newChat(defaultVersion, server);
    const sent = question(behaviour);
    const disconnected = model.disconnected(sent);
    const sending = send(sent.content);
    if (behaviour === 'stalls') await waitForFirstPart(chat);
    else await waitUntil('the start of the answer', async () => (await stored()).length > 0);
    await chat.stop();
    await sending;
    assert.equal(chat.status, 'ready', chat.error);
    await disconnected;
    await waitForRows(stored);

    const { content } = question('completes');
    await send(content);
    assert.deepEqual([chat.status, text(chat.lastMessage)], ['ready', COMPLETE_ANSWER], chat.error);
  });
}

test('a second concurrent answer is refused and the first continues', async () => {
  const first = await newChat(defaultVersion, server);
  const conversation = (await first.api.read(first.id)).data;
  const second = openChat(defaultVersion, first, conversation);
  const sending = first.send(question('continues').content);
  await waitForFirstPart(first.chat);
  await second.send(question('completes').content);
  assert.equal(JSON.parse(second.chat.error.message).error.code, 'CONFLICT');
  assert.equal(first.chat.status, 'streaming');
  await first.chat.stop();
  await sending;
  assert.equal((await waitForRows(first.stored)).length, 2);
});
