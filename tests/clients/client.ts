// What a website's chat asks of the API, typed by the server's own document.

import createClient from 'openapi-fetch';
import type { paths } from './built/api.js';

type Ok<Path extends keyof paths, Method extends 'get' | 'post'> = paths[Path] extends Record<
  Method,
  { responses: { 200: { content: { 'application/json': infer Body } } } }
>
  ? Body
  : never;
type Conversation = Ok<'/conversations/{conversationId}', 'get'>;
type Message = Conversation['messages'][number];
type Answer = Ok<'/conversations/{conversationId}/messages', 'post'>;

/** A website that holds a publishable key; `session` is a visitor's token. */
export function website(server: string, apiKey: string, session = '') {
  const api = createClient<paths>({ baseUrl: `${server}/v2` });
  const headers = { Authorization: `Bearer ${session}` };
  const of = (conversationId: string) => ({ params: { path: { conversationId } }, headers });

  return {
    project: () => api.GET('/projects/current', { params: { query: { apiKey } } }),
    init: (saVid: string) => api.POST('/identity/init', { body: { apiKey, saVid } }),
    me: () => api.GET('/identity/me', { headers }),

    list: (limit: number, offset: number) =>
      api.GET('/conversations', {
        params: { query: { orderBy: 'lastInteractionAt', orderDir: 'desc', limit, offset } },
        headers,
      }),
    // No body and no Content-Type, as the real client does it; so is `close`.
    start: () => api.POST('/conversations', { headers }),
    read: (id: string) => api.GET('/conversations/{conversationId}', of(id)),
    close: (id: string) => api.POST('/conversations/{conversationId}/close', of(id)),

    messages: (id: string) => api.GET('/conversations/{conversationId}/messages', of(id)),
    send: (id: string, content: string) =>
      api.POST('/conversations/{conversationId}/messages', {
        ...of(id),
        body: { content, pageContext: null },
      }),
    feedback: (messageId: string, feedback: 'like' | 'dislike' | null) =>
      api.POST('/messages/{messageId}/feedback', {
        params: { path: { messageId } },
        body: { feedback },
        headers,
      }),

    search: (q: string, size: number) =>
      api.GET('/search', { params: { query: { q, size, apiKey } } }),
    qnas: (projectId: string, query?: string) =>
      api.GET('/projects/{projectId}/qnas', {
        params: { path: { projectId }, query: { query, limit: 20, offset: 0 } },
      }),
    qna: (projectId: string, qnaId: string) =>
      api.GET('/projects/{projectId}/qnas/{qnaId}', { params: { path: { projectId, qnaId } } }),
  };
}

/** A stored message as the chat shows it: a person of the house is an assistant too. */
export function shown(message: Message) {
  return {
    id: message.id,
    role: message.role === 'user' ? ('user' as const) : ('assistant' as const),
    parts: message.parts,
    sentAt: message.createdAt,
    humanAgent: message.humanAgent,
    feedback: message.feedback,
    metadata: message.metadata,
  };
}

/** What the head of an open chat shows. */
export function head(conversation: Conversation) {
  return {
    title: conversation.title ?? 'Untitled',
    agent: conversation.isHumanHandled ? (conversation.humanAgent?.name ?? 'Somebody') : null,
    closed: conversation.status === 'closed' ? (conversation.closedAt ?? conversation.createdAt) : null,
  };
}

/** What an answer that was not streamed says: the texts of its last step. */
export function answered(answer: Answer): string {
  const texts = answer.steps.at(-1)?.content.map((part) => (part.type === 'text' ? (part.text ?? '') : ''));
  return (texts ?? []).filter(Boolean).join('\n\n');
}
