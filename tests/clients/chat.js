// A visitor's chat as the real one is put together (docs/api-contract.md, section 12).

import { randomUUID } from 'node:crypto';

import { shown, website } from './built/client.js';

/** The words of a message, shown or stored. */
export const text = (message) =>
  message.parts.filter((part) => part.type === 'text').map((part) => part.text).join('');

/** A visitor who has not been here before. */
export async function visitor({ url, publishable }) {
  const { data, error } = await website(url, publishable).init(randomUUID());
  if (!data) throw new Error(`no session: ${JSON.stringify(error)}`);
  return { server: url, token: data.sessionToken, api: website(url, publishable, data.sessionToken) };
}

export async function started(someone) {
  const { data, error } = await someone.api.start();
  if (!data) throw new Error(`no conversation: ${JSON.stringify(error)}`);
  return data;
}

/** One opening of a conversation on a screen. `posted` is what it has sent. */
export function opening({ Transport, Chat }, { server, token }, conversation) {
  const posted = [];
  const finished = [];
  const headers = { Authorization: `Bearer ${token}` };
  const chat = new Chat({
    id: conversation.id,
    generateId: () => randomUUID(),
    messages: conversation.messages.map(shown),
    transport: new Transport({
      api: `${server}/v2/conversations/${conversation.id}/messages`,
      prepareSendMessagesRequest: ({ messages, body }) => {
        const last = messages.findLast((message) => message.role === 'user');
        return { body: { ...body, content: last.parts[0].text, stream: true } };
      },
      fetch: async (address, request) => {
        posted.push(JSON.parse(request.body));
        return fetch(address, request);
      },
    }),
    onError: () => {},
    onFinish: (end) => { finished.push(end); },
  });
  return {
    chat,
    posted,
    finished,
    send: (words, pageContext = null) =>
      chat.sendMessage({ text: words, metadata: { pageContext } }, { body: { pageContext }, headers }),
    retry: () => chat.regenerate({ headers }),
  };
}

/** A chat of a fresh visitor in a fresh conversation, with what the server has of it. */
export async function freshChat(version, server) {
  const someone = await visitor(server);
  const conversation = await started(someone);
  const stored = async () => (await someone.api.messages(conversation.id)).data.data;
  return { ...opening(version, someone, conversation), ...someone, id: conversation.id, stored };
}

/** Asks again until the answer is something, for what has no event to wait for. */
export async function until(what, ask, seconds = 5) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((again) => setTimeout(again, 20));
  }
}
