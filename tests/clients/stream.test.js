// Streamed answers, read by the transports of the AI SDK.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { newChat, text } from './chat.js';
import { demo, privateRequest } from './servers.js';
import { test } from './timeout.js';
import { versions } from './versions.js';

for (const version of versions) {
  test(`${version.name}: an answer is one message with the id of the stored message`, async () => {
    const { chat, send, finished, stored, api, id } = await newChat(version, demo);
    await send('How long does a parcel take?');
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    assert.deepEqual(chat.messages.map((message) => message.role), ['user', 'assistant']);
    const [question, answer] = await stored();
    assert.deepEqual([chat.lastMessage.id, text(chat.lastMessage)], [answer.id, text(answer)]);
    assert.ok(text(answer));
    assert.deepEqual([text(question), question.status, answer.status], ['How long does a parcel take?', 'complete', 'complete']);
    assert.deepEqual([finished.length, finished[0].message.id], [1, answer.id]);
    assert.deepEqual((await api.feedback(chat.lastMessage.id, 'like')).data, { feedback: 'like' });

    await send('And to Spain?');
    assert.equal(chat.status, 'ready', chat.error);
    assert.deepEqual((await stored()).map((message) => message.role), ['user', 'assistant', 'user', 'assistant']);
    const read = (await api.read(id)).data.messages;
    assert.deepEqual(read.filter((message) => message.role === 'assistant').map((message) => message.id),
      chat.messages.filter((message) => message.role === 'assistant').map((message) => message.id));
    assert.equal(read[1].feedback, 'like');
  });

  test(`${version.name}: a completion with the private key`, async () => {
    const chat = new version.Chat({
      id: randomUUID(),
      transport: new version.Transport({
        api: `${demo.url}/v2/chat/completions`,
        headers: { Authorization: `Bearer ${demo.secret}` },
        prepareSendMessagesRequest: ({ messages }) => ({
          body: { messages: messages.map((message) => ({ role: message.role, content: text(message) })), stream: true },
        }),
      }),
    });
    await chat.sendMessage({ text: 'How long does a parcel take?' });
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    assert.deepEqual(chat.messages.map((message) => message.role), ['user', 'assistant']);
    assert.ok(text(chat.lastMessage));
    await chat.sendMessage({ text: 'And to Spain?' });
    assert.deepEqual([chat.status, chat.messages.length], ['ready', 4], chat.error);
  });

  test(`${version.name}: after a take-over the assistant does not answer and the chat reports no error`, async () => {
    const { chat, send, stored, api, id } = await newChat(version, demo);
    await privateRequest(demo, 'PUT', `/conversations/${id}/agent`, { name: 'Mara' });
    await send('Is anybody there?');
    assert.deepEqual([chat.status, chat.error, chat.messages.length], ['ready', undefined, 1]);
    assert.deepEqual((await stored()).map(text), ['Is anybody there?']);
    const read = (await api.read(id)).data;
    assert.deepEqual([read.isHumanHandled, read.humanAgent.name], [true, 'Mara']);

    await privateRequest(demo, 'DELETE', `/conversations/${id}/agent`);
    await send('And now?');
    assert.deepEqual([chat.status, chat.lastMessage.role], ['ready', 'assistant'], chat.error);
  });
}

test('a completion without stream', async () => {
  const messages = [{ role: 'user', content: 'How long does a parcel take?' }];
  const { steps } = await (await privateRequest(demo, 'POST', '/chat/completions', { messages })).json();
  const content = steps.at(-1).content.filter((part) => part.type === 'text').map((part) => part.text);
  assert.ok(content.join('\n\n'));
});
