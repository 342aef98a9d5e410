// The cache of what the server returned, and the keys of its entries.

import { QueryClient } from '@tanstack/react-query';
import { RequestError } from './api';
import type { InboxEvent } from './events';

export const keys = {
  me: ['me'],
  project: ['project'],
  /** All pages of all lists of conversations. */
  conversations: ['conversations'],
  conversation: (id: string) => ['conversation', id],
  notes: (conversationId: string) => ['notes', conversationId],
  visitor: (id: string) => ['visitor', id],
  agents: ['agents'],
  presence: ['presence'],
  sessions: ['sessions'],
  savedReplies: ['saved-replies'],
  apiKeys: ['keys'],
  sources: ['sources'],
  qnas: ['qnas'],
  unansweredQuestions: ['unanswered-questions'],
  notifications: ['notifications'],
  statistics: (days: number) => ['statistics', days],
} as const;

const MAX_RETRIES = 2;

/** Repeats requests that the server may answer the next time. */
function shouldRetry(failures: number, error: Error): boolean {
  const isTemporary = !(error instanceof RequestError) || error.status >= 500;
  return isTemporary && failures < MAX_RETRIES;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: shouldRetry, staleTime: 30_000, refetchOnWindowFocus: false },
    },
  });
}

/** Writes what an event says into the cache. */
export function applyEvent(client: QueryClient, event: InboxEvent): void {
  switch (event.type) {
    case 'conversation_updated': {
      const { lastMessage, visitor, ...conversation } = event.conversation;
      client.setQueryData(keys.conversation(conversation.id), (old: object | undefined) =>
        old ? { ...old, ...conversation } : old,
      );
      if (visitor) {
        client.setQueryData(keys.visitor(visitor.id), (old: object | undefined) =>
          old ? { ...old, ...visitor } : old,
        );
      }
      break;
    }
    case 'conversation_deleted':
      void client.invalidateQueries({ queryKey: keys.conversation(event.chatId) });
      break;
    case 'presence':
      client.setQueryData(keys.presence, event.agents);
      break;
    case 'resync':
      void client.invalidateQueries();
      break;
  }
}
