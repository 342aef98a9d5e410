import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Message } from '../../../shared/api';
import { useEvents } from '../../app/EventsProvider';
import { keys } from '../../app/queries';
import {
  type ConversationData,
  type LiveAnswer,
  withDelta,
  withMessage,
} from './conversation-data';
import { fetchConversation, fetchNotes } from './requests';

/** Between two reads of an answer whose deltas do not arrive. */
const POLL_INTERVAL_MS = 1_500;
/** Collects events that come together. */
const REFRESH_DELAY_MS = 250;

/** The conversation, kept up to date, and the answer that the assistant is writing. */
export function useConversation(id: string) {
  const client = useQueryClient();
  const [answer, setAnswer] = useState<LiveAnswer | null>(null);
  const queryKey = keys.conversation(id);
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => fetchConversation(id, signal),
    refetchOnMount: 'always',
    refetchInterval: ({ state }) => (isStreaming(state.data) && !answer ? POLL_INTERVAL_MS : false),
  });
  const refreshSoon = useRefreshSoon(id);
  const insert = (message: Message) => {
    client.setQueryData(queryKey, (old: ConversationData | undefined) =>
      old ? withMessage(old, message) : old,
    );
    // The response of a read that is under way may be older than the message.
    if (client.isFetching({ queryKey }) > 0) refreshSoon();
    if (answer?.messageId === message.id && message.status !== 'streaming') setAnswer(null);
  };
  useEvents(['new_message', 'message_updated', 'message_done'], ({ chatId, message }) => {
    if (chatId === id) insert(message);
  });
  useEvents(['message_delta'], (event) => {
    if (event.chatId === id) setAnswer((old) => withDelta(old, event));
  });
  useEvents(['message_deleted'], ({ chatId }) => {
    if (chatId === id) refreshSoon();
  });
  useEvents(['conversation_updated'], ({ conversation: { id: changed, lastMessage, visitor } }) => {
    if (changed !== id) return;
    client.setQueryData(queryKey, (old: ConversationData | undefined) =>
      old && visitor ? { ...old, visitor } : old,
    );
    void client.invalidateQueries({ queryKey: keys.notes(id) });
    const isMissing = !query.data?.messages.some((message) => message.id === lastMessage?.id);
    if (lastMessage && isMissing) refreshSoon();
  });
  useEvents(['hello', 'resync'], () => {
    setAnswer(null);
    refreshSoon();
  });
  return { ...query, answer };
}

/** The internal notes. They are read again with the conversation. */
export function useNotes(id: string) {
  return useQuery({ queryKey: keys.notes(id), queryFn: ({ signal }) => fetchNotes(id, signal) });
}

function isStreaming(conversation: ConversationData | undefined): boolean {
  return conversation?.messages.at(-1)?.status === 'streaming';
}

/** A function that reads the conversation and its notes again, once for many calls. */
function useRefreshSoon(id: string): () => void {
  const client = useQueryClient();
  const [timer] = useState<{ current?: ReturnType<typeof setTimeout> | undefined }>({});
  useEffect(() => () => clearTimeout(timer.current), [timer]);
  return () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      void client.invalidateQueries({ queryKey: keys.conversation(id) });
      void client.invalidateQueries({ queryKey: keys.notes(id) });
    }, REFRESH_DELAY_MS);
  };
}
