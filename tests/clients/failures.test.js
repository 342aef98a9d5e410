// What a chat shows when the model fails, when the visitor stops it, when a person
// of the house takes over: against a parlor with a model that misbehaves.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { freshChat, opening, text, until } from './chat.js';
import { BEGINNING, WHOLE, question, startModel } from './model.js';
import { staff, withModel } from './servers.js';
import { test } from './timed.js';
import { usual, versions } from './versions.js';

const model = await startModel();
const server = await withModel(model.url).catch(async (error) => {
  await model.stop();
  throw error;
});
after(async () => {
  await server.stop();
  await model.stop();
});

/** The rows once none is being written any more. */
const settled = (stored) => until('the answer to be settled', async () => {
  const rows = await stored();
  return rows.every((row) => row.status !== 'streaming') && rows;
});

const begun = (chat) => until('the answer to begin', () => {
  const { lastMessage } = chat;
  return chat.status === 'streaming' && lastMessage.role === 'assistant' && text(lastMessage).startsWith(BEGINNING);
});

/** Retrying mends everything, and doubles nothing. */
async function retried({ chat, posted, retry, stored }, asked) {
  model.mend(asked);
  await retry();
  assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
  assert.deepEqual(posted.at(-1), { content: asked.words, stream: true });
  assert.deepEqual(chat.messages.map(text), [asked.words, WHOLE]);
  const rows = await settled(stored);
  assert.deepEqual(rows.map((row) => [row.role, text(row), row.status]),
    [['user', asked.words, 'complete'], ['assistant', WHOLE, 'complete']]);
  assert.equal(rows[1].id, chat.lastMessage.id);
}

for (const version of versions) {
  test(`${version.name}: a model's answer comes whole`, async () => {
    const { chat, send, stored } = await freshChat(version, server);
    const { words } = question('says');
    await send(words);
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    assert.deepEqual(chat.messages.map(text), [words, WHOLE]);
    assert.deepEqual((await settled(stored)).map(text), [words, WHOLE]);
  });

  for (const [deed, code] of [['refuses', 'BAD_GATEWAY'], ['overloads', 'SERVICE_UNAVAILABLE']]) {
    test(`${version.name}: a model that ${deed} is an error before the first byte`, async () => {
      const screen = await freshChat(version, server);
      const asked = question(deed);
      await screen.send(asked.words);
      assert.equal(screen.chat.status, 'error');
      const { error } = JSON.parse(screen.chat.error.message);
      assert.equal(error.code, code);
      assert.doesNotMatch(JSON.stringify(error), /gpu-7/);
      assert.deepEqual(screen.chat.messages.map(text), [asked.words]);
      await retried(screen, asked);
    });
  }

  for (const deed of ['breaks', 'garbles', 'complains']) {
    test(`${version.name}: of a model that ${deed} in the middle the text so far is kept`, async () => {
      const screen = await freshChat(version, server);
      const { chat, send, stored } = screen;
      const asked = question(deed);
      await send(asked.words, { url: 'https://shop.example/', title: 'Shop', content: null, textSelection: null });
      assert.equal(chat.status, 'error');
      assert.ok(chat.error.message);
      assert.doesNotMatch(chat.error.message, /gpu-7/);
      assert.deepEqual(chat.messages.map(text), [asked.words, BEGINNING]);
      const [, row] = await settled(stored);
      assert.deepEqual([row.id, row.status, text(row)], [chat.lastMessage.id, 'error', BEGINNING]);
      assert.ok(row.error);
      await retried(screen, asked);
    });
  }

  test(`${version.name}: stopping keeps the text so far, here and there`, async () => {
    const { chat, send, stored } = await freshChat(version, server);
    const asked = question('flows');
    const hungUp = model.hungUp(asked);
    const sending = send(asked.words);
    await begun(chat);
    await chat.stop();
    await sending;
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    const seen = text(chat.lastMessage);
    await hungUp;
    const [, row] = await settled(stored);
    assert.deepEqual([row.id, row.status, row.error], [chat.lastMessage.id, 'complete', null]);
    assert.ok(text(row).startsWith(seen), `${text(row)} goes on from ${seen}`);

    const { words } = question('says');
    await send(words);
    assert.deepEqual([chat.status, text(chat.lastMessage)], ['ready', WHOLE], chat.error);
  });

  test(`${version.name}: a takeover ends the answer, and its text is kept`, async () => {
    const { chat, send, stored, id } = await freshChat(version, server);
    const asked = question('flows');
    const hungUp = model.hungUp(asked);
    const sending = send(asked.words);
    await begun(chat);
    await staff(server, 'PUT', `/conversations/${id}/agent`, { name: 'Mara' });
    await Promise.all([sending, hungUp]);
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    const [, row] = await settled(stored);
    assert.deepEqual([row.id, row.status, row.error], [chat.lastMessage.id, 'complete', null]);
    assert.ok(text(row).startsWith(text(chat.lastMessage)));
    assert.equal((await settled(stored)).length, 2);
  });
}

for (const deed of ['stalls', 'thinks']) {
  test(`stopping a model that ${deed} frees the conversation`, async () => {
    const { chat, send, stored } = await freshChat(usual, server);
    const asked = question(deed);
    const hungUp = model.hungUp(asked);
    const sending = send(asked.words);
    if (deed === 'stalls') await begun(chat);
    else await until('the answer to be begun', async () => (await stored()).length > 0);
    await chat.stop();
    await sending;
    assert.equal(chat.status, 'ready', chat.error);
    await hungUp;
    await settled(stored);

    const { words } = question('says');
    await send(words);
    assert.deepEqual([chat.status, text(chat.lastMessage)], ['ready', WHOLE], chat.error);
  });
}

test('a second answer at a time is refused, and the first goes on', async () => {
  const first = await freshChat(usual, server);
  const conversation = (await first.api.read(first.id)).data;
  const second = opening(usual, first, conversation);
  const sending = first.send(question('flows').words);
  await begun(first.chat);
  await second.send(question('says').words);
  assert.equal(JSON.parse(second.chat.error.message).error.code, 'CONFLICT');
  assert.equal(first.chat.status, 'streaming');
  await first.chat.stop();
  await sending;
  assert.equal((await settled(first.stored)).length, 2);
});
