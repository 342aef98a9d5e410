// The chat of a visitor, built like the original client (docs/api-contract.md,
// section 12).

import { randomUUID } from 'node:crypto';

import { toChatMessage, website } from './built/client.js';

/** The text of a message of the chat or of the API. */
export const text = (message) =>
  message.parts.filter((part) => part.type === 'text').map((part) => part.text).join('');

/** Creates a visitor with a session. */
export async function newVisitor({ url, publishable }) {
  const { data, error } = await website(url, publishable).init(randomUUID());
  if (!data) throw new Error(`no session: ${JSON.stringify(error)}`);
  return { server: url, token: data.sessionToken, api: website(url, publishable, data.sessionToken) };
}

export async function startConversation(visitor) {
  const { data, error } = await visitor.api.start();
  if (!data) throw new Error(`no conversation: ${JSON.stringify(error)}`);
  return data;
}

/** Opens a conversation in a chat. `posted` has the bodies of its requests. */
export function openChat({ Transport, Chat }, { server, token }, conversation) {
  const posted = [];
  const finished = [];
  const headers = { Authorization: `Bearer ${token}` };
  const chat = new Chat({
    id: conversation.id,
    generateId: () => randomUUID(),
    messages: conversation.messages.map(toChatMessage),
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
    send: (content, pageContext = null) =>
      chat.sendMessage({ text: content, metadata: { pageContext } }, { body: { pageContext }, headers }),
    retry: () => chat.regenerate({ headers }),
  };
}

/** A chat of a new visitor in a new conversation; `stored` reads its messages from the server. */
export async function newChat(version, server) {
  const visitor = await newVisitor(server);
  const conversation = await startConversation(visitor);
  const stored = async () => (await visitor.api.messages(conversation.id)).data.data;
  return { ...openChat(version, visitor, conversation), ...visitor, id: conversation.id, stored };
}

/** Polls until the result is truthy. Returns the result. */
export async function waitUntil(description, poll, seconds = 5) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const result = await poll();
    if (result) return result;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${description}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
