// The requests of the conversation view.

import type { Message } from '../../../shared/api';
import type { OutboxEntry } from '../../../shared/outbox';
import { api, type Note, unwrap } from '../../app/api';
import type { ConversationData } from './conversation-data';

/** After this time without a response, the server cannot be reached. */
const TIMEOUT_MS = 20_000;

const path = (conversationId: string) => ({ path: { conversationId } });

export async function fetchConversation(
  id: string,
  signal: AbortSignal,
): Promise<ConversationData> {
  const params = { ...path(id), query: { include: 'visitor' as const } };
  return unwrap(await api.GET('/conversations/{conversationId}', { params, signal }));
}

export async function fetchNotes(id: string, signal: AbortSignal): Promise<Note[]> {
  const result = await api.GET('/conversations/{conversationId}/notes', {
    params: path(id),
    signal,
  });
  return unwrap(result).data;
}

export async function takeOver(id: string, force: boolean): Promise<void> {
  const body = { force };
  unwrap(await api.PUT('/conversations/{conversationId}/agent', { params: path(id), body }));
}

export async function handBack(id: string): Promise<void> {
  unwrap(await api.DELETE('/conversations/{conversationId}/agent', { params: path(id) }));
}

export async function close(id: string, reason: string): Promise<void> {
  const body = reason ? { closeReason: reason } : {};
  unwrap(await api.POST('/conversations/{conversationId}/close', { params: path(id), body }));
}

export async function postReply(entry: OutboxEntry): Promise<Message> {
  const result = await api.POST('/conversations/{conversationId}/replies', {
    params: path(entry.conversation ?? ''),
    headers: { 'Idempotency-Key': entry.key },
    body: { content: entry.content },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return unwrap(result);
}

export async function postNote(id: string, text: string): Promise<Note> {
  const params = path(id);
  return unwrap(
    await api.POST('/conversations/{conversationId}/notes', { params, body: { text } }),
  );
}

export async function deleteNote(conversationId: string, noteId: string): Promise<void> {
  const params = { path: { conversationId, noteId } };
  unwrap(await api.DELETE('/conversations/{conversationId}/notes/{noteId}', { params }));
}

export async function markRead(id: string): Promise<void> {
  unwrap(await api.POST('/conversations/{conversationId}/read', { params: path(id) }));
}

/** Nobody waits for the result: the next change of the text tells it again. */
export async function postTyping(id: string, isTyping: boolean): Promise<void> {
  await api
    .POST('/conversations/{conversationId}/typing', { params: path(id), body: { isTyping } })
    .catch(() => null);
}

export async function setBlocked(visitorId: string, isBlocked: boolean): Promise<void> {
  const params = { path: { visitorId } };
  unwrap(
    isBlocked
      ? await api.PUT('/visitors/{visitorId}/block', { params })
      : await api.DELETE('/visitors/{visitorId}/block', { params }),
  );
}
