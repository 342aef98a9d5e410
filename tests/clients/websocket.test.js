// Two chats with the same conversation, and an agent, over the WebSocket.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after } from 'node:test';
import WebSocket from 'ws';

import { toChatMessage } from './built/client.js';
import { newChat, openChat, text, waitUntil } from './chat.js';
import { demo, privateRequest } from './servers.js';
import { test } from './timeout.js';
import { defaultVersion, versions } from './versions.js';

const open = [];
after(() => open.forEach((socket) => socket.terminate()));

/** Opens a WebSocket like a browser; collects its frames. */
function connect(id, key = demo.publishable) {
  const address = `${demo.url.replace('http', 'ws')}/v2/conversations/${id}/ws?apiKey=${key}`;
  const socket = new WebSocket(address, { origin: 'https://shop.example' });
  open.push(socket);
  const frames = [];
  socket.on('message', (data, binary) => frames.push(binary ? data : String(data)));
  return { socket, frames };
}

const events = (frames) => frames.filter((frame) => frame.startsWith('{')).map((frame) => JSON.parse(frame));

const event = (frames, type, role) => waitUntil(`${type} ${role ?? ''}`, () =>
  events(frames).find((received) => received.type === type && received.message?.role === role));

/** A chat that processes events like the original client. */
async function openLiveChat(version, visitor, conversation) {
  const opened = openChat(version, visitor, conversation);
  const { socket, frames } = connect(conversation.id);
  const { chat } = opened;
  socket.on('message', (data) => {
    if (String(data) === 'pong') return;
    const { type, message } = JSON.parse(String(data));
    if (type !== 'new_message' || message.role !== 'human_agent') return;
    const others = chat.messages.filter((other) => other.id !== message.id);
    chat.messages = [...others, toChatMessage(message)];
  });
  await once(socket, 'open');
  return { ...opened, socket, frames };
}

for (const version of versions) {
  test(`${version.name}: two chats get the messages of each other and of the agent`, async () => {
    const visitor = await newChat(version, demo);
    const conversation = (await visitor.api.read(visitor.id)).data;
    const [first, second] = [await openLiveChat(version, visitor, conversation), await openLiveChat(version, visitor, conversation)];

    await first.send('How long does a parcel take?');
    assert.equal(first.chat.status, 'ready', first.chat.error);
    const [question] = await visitor.stored();
    assert.deepEqual(await event(second.frames, 'new_message', 'user'),
      { type: 'new_message', chatId: conversation.id, message: question });

    await privateRequest(demo, 'PUT', `/conversations/${conversation.id}/agent`, { name: 'Mara' });
    for (const { frames } of [first, second]) {
      assert.deepEqual(await event(frames, 'human_assigned'), { type: 'human_assigned', chatId: conversation.id });
    }

    await privateRequest(demo, 'POST', `/conversations/${conversation.id}/replies`, { content: 'Mara here, looking now.' });
    const reply = (await visitor.stored()).at(-1);
    assert.deepEqual([reply.role, reply.humanAgent.name], ['human_agent', 'Mara']);
    for (const { frames, chat } of [first, second]) {
      const received = await event(frames, 'new_message', 'human_agent');
      assert.deepEqual(received, { type: 'new_message', chatId: conversation.id, message: reply });
      assert.deepEqual([chat.lastMessage.id, text(chat.lastMessage)], [reply.id, 'Mara here, looking now.']);
    }

    await second.send('Thank you, Mara.');
    assert.deepEqual([second.chat.status, second.chat.messages.length], ['ready', 2], second.chat.error);
    await waitUntil('the message in the other chat', () => events(first.frames).some(({ message }) =>
      message && text(message) === 'Thank you, Mara.'));
    assert.deepEqual((await visitor.api.feedback(reply.id, 'like')).data, { feedback: 'like' });
  });
}

test('ping is answered with pong, on a closed conversation too', async () => {
  const visitor = await newChat(defaultVersion, demo);
  await visitor.api.close(visitor.id);
  const { socket, frames } = connect(visitor.id);
  await once(socket, 'open');
  socket.send('ping');
  await waitUntil('pong', () => frames.includes('pong'));
  socket.close();
  await once(socket, 'close');
});

test('events of another conversation are not received', async () => {
  const [watched, other] = [await newChat(defaultVersion, demo), await newChat(defaultVersion, demo)];
  const { socket, frames } = connect(watched.id);
  await once(socket, 'open');
  await other.send('How long does a parcel take?');
  await watched.send('And to Spain?');
  const received = await event(frames, 'new_message', 'user');
  assert.equal(text(received.message), 'And to Spain?');
  assert.ok(events(frames).every(({ chatId }) => chatId === watched.id));
});

test('invalid requests are refused before the upgrade', async () => {
  const { id } = await newChat(defaultVersion, demo);
  for (const [status, code, ...target] of [
    [401, 'UNAUTHORIZED', id, 'pk_wrong'],
    [401, 'UNAUTHORIZED', id, demo.secret],
    [404, 'CONVERSATION_NOT_FOUND', randomUUID()],
  ]) {
    const { socket } = connect(...target);
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    assert.equal(response.statusCode, status);
    assert.equal(JSON.parse((await response.toArray()).join('')).error.code, code);
  }
});
