// Answers as they come, read by the real transports.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { freshChat, text } from './chat.js';
import { demo, staff } from './servers.js';
import { test } from './timed.js';
import { versions } from './versions.js';

for (const version of versions) {
  test(`${version.name}: an answer is one message, with the id that the server has`, async () => {
    const { chat, send, finished, stored, api, id } = await freshChat(version, demo);
    await send('How long does a parcel take?');
    assert.deepEqual([chat.status, chat.error], ['ready', undefined]);
    assert.deepEqual(chat.messages.map((message) => message.role), ['user', 'assistant']);
    const [said, answer] = await stored();
    assert.deepEqual([chat.lastMessage.id, text(chat.lastMessage)], [answer.id, text(answer)]);
    assert.ok(text(answer));
    assert.deepEqual([text(said), said.status, answer.status], ['How long does a parcel take?', 'complete', 'complete']);
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

  test(`${version.name}: a completion for the website's own server`, async () => {
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

  test(`${version.name}: while a person has taken over nothing answers, and nothing fails`, async () => {
    const { chat, send, stored, api, id } = await freshChat(version, demo);
    await staff(demo, 'PUT', `/conversations/${id}/agent`, { name: 'Mara' });
    await send('Is anybody there?');
    assert.deepEqual([chat.status, chat.error, chat.messages.length], ['ready', undefined, 1]);
    assert.deepEqual((await stored()).map(text), ['Is anybody there?']);
    const read = (await api.read(id)).data;
    assert.deepEqual([read.isHumanHandled, read.humanAgent.name], [true, 'Mara']);

    await staff(demo, 'DELETE', `/conversations/${id}/agent`);
    await send('And now?');
    assert.deepEqual([chat.status, chat.lastMessage.role], ['ready', 'assistant'], chat.error);
  });
}

test('a completion that is not streamed', async () => {
  const messages = [{ role: 'user', content: 'How long does a parcel take?' }];
  const { steps } = await (await staff(demo, 'POST', '/chat/completions', { messages })).json();
  const words = steps.at(-1).content.filter((part) => part.type === 'text').map((part) => part.text);
  assert.ok(words.join('\n\n'));
});
