// Two screens with the same conversation, and a person of the house, over the WebSocket.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after } from 'node:test';
import WebSocket from 'ws';

import { shown } from './built/client.js';
import { freshChat, opening, text, until } from './chat.js';
import { demo, staff } from './servers.js';
import { test } from './timed.js';
import { usual, versions } from './versions.js';

const open = [];
after(() => open.forEach((socket) => socket.terminate()));

/** A browser's socket, and the frames that came over it. */
function connect(id, key = demo.publishable) {
  const address = `${demo.url.replace('http', 'ws')}/v2/conversations/${id}/ws?apiKey=${key}`;
  const socket = new WebSocket(address, { origin: 'https://shop.example' });
  open.push(socket);
  const frames = [];
  socket.on('message', (data, binary) => frames.push(binary ? data : String(data)));
  return { socket, frames };
}

const events = (frames) => frames.filter((frame) => frame.startsWith('{')).map((frame) => JSON.parse(frame));

const event = (frames, type, role) => until(`${type} ${role ?? ''}`, () =>
  events(frames).find((came) => came.type === type && came.message?.role === role));

/** A screen of the chat that does with events what the real one does. */
async function screen(version, someone, conversation) {
  const shownHere = opening(version, someone, conversation);
  const { socket, frames } = connect(conversation.id);
  const { chat } = shownHere;
  socket.on('message', (data) => {
    if (String(data) === 'pong') return;
    const { type, message } = JSON.parse(String(data));
    if (type !== 'new_message' || message.role !== 'human_agent') return;
    const others = chat.messages.filter((other) => other.id !== message.id);
    chat.messages = [...others, shown(message)];
  });
  await once(socket, 'open');
  return { ...shownHere, socket, frames };
}

for (const version of versions) {
  test(`${version.name}: two screens see each other and the person who answers`, async () => {
    const someone = await freshChat(version, demo);
    const conversation = (await someone.api.read(someone.id)).data;
    const [here, there] = [await screen(version, someone, conversation), await screen(version, someone, conversation)];

    await here.send('How long does a parcel take?');
    assert.equal(here.chat.status, 'ready', here.chat.error);
    const [said] = await someone.stored();
    assert.deepEqual(await event(there.frames, 'new_message', 'user'),
      { type: 'new_message', chatId: conversation.id, message: said });

    await staff(demo, 'PUT', `/conversations/${conversation.id}/agent`, { name: 'Mara' });
    for (const { frames } of [here, there]) {
      assert.deepEqual(await event(frames, 'human_assigned'), { type: 'human_assigned', chatId: conversation.id });
    }

    await staff(demo, 'POST', `/conversations/${conversation.id}/replies`, { content: 'Mara here, looking now.' });
    const reply = (await someone.stored()).at(-1);
    assert.deepEqual([reply.role, reply.humanAgent.name], ['human_agent', 'Mara']);
    for (const { frames, chat } of [here, there]) {
      const came = await event(frames, 'new_message', 'human_agent');
      assert.deepEqual(came, { type: 'new_message', chatId: conversation.id, message: reply });
      assert.deepEqual([chat.lastMessage.id, text(chat.lastMessage)], [reply.id, 'Mara here, looking now.']);
    }

    await there.send('Thank you, Mara.');
    assert.deepEqual([there.chat.status, there.chat.messages.length], ['ready', 2], there.chat.error);
    await until('the other screen to hear it', () => events(here.frames).some(({ message }) =>
      message && text(message) === 'Thank you, Mara.'));
    assert.deepEqual((await someone.api.feedback(reply.id, 'like')).data, { feedback: 'like' });
  });
}

test('ping is answered with pong, on a closed conversation too', async () => {
  const someone = await freshChat(usual, demo);
  await someone.api.close(someone.id);
  const { socket, frames } = connect(someone.id);
  await once(socket, 'open');
  socket.send('ping');
  await until('pong', () => frames.includes('pong'));
  socket.close();
  await once(socket, 'close');
});

test('another conversation is not heard', async () => {
  const [one, other] = [await freshChat(usual, demo), await freshChat(usual, demo)];
  const { socket, frames } = connect(one.id);
  await once(socket, 'open');
  await other.send('How long does a parcel take?');
  await one.send('And to Spain?');
  const came = await event(frames, 'new_message', 'user');
  assert.equal(text(came.message), 'And to Spain?');
  assert.ok(events(frames).every(({ chatId }) => chatId === one.id));
});

test('what cannot be watched is refused before the upgrade', async () => {
  const { id } = await freshChat(usual, demo);
  for (const [status, code, ...watched] of [
    [401, 'UNAUTHORIZED', id, 'pk_wrong'],
    [401, 'UNAUTHORIZED', id, demo.secret],
    [404, 'CONVERSATION_NOT_FOUND', randomUUID()],
  ]) {
    const { socket } = connect(...watched);
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    assert.equal(response.statusCode, status);
    assert.equal(JSON.parse((await response.toArray()).join('')).error.code, code);
  }
});
