// The requests of a website's chat, typed by the OpenAPI document of the server.

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

/** The API with a publishable key and a session token. */
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
    // Like the original client, `start` and `close` send no body and no Content-Type.
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

/** Converts a message for the chat. The role of an agent becomes `assistant`. */
export function toChatMessage(message: Message) {
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

/** The title bar of a chat. */
export function chatHeader(conversation: Conversation) {
  return {
    title: conversation.title ?? 'Untitled',
    agent: conversation.isHumanHandled ? (conversation.humanAgent?.name ?? 'Agent') : null,
    closed: conversation.status === 'closed' ? (conversation.closedAt ?? conversation.createdAt) : null,
  };
}

/** The text of an answer without stream: the texts of its last step. */
export function answerText(answer: Answer): string {
  const texts = answer.steps.at(-1)?.content.map((part) => (part.type === 'text' ? (part.text ?? '') : ''));
  return (texts ?? []).filter(Boolean).join('\n\n');
}
