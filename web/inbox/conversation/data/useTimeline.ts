import { useMemo } from 'react';
import { type ConversationData, type LiveAnswer, withAnswer } from './conversation-data';
import { buildTimeline } from './timeline';
import { useNotes } from './useConversation';
import { usePendingReplies, useReplySender } from './useReplies';

/** What the log shows. */
export function useTimeline(conversation: ConversationData, answer: LiveAnswer | null) {
  const { id, messages: stored } = conversation;
  const { data: notes } = useNotes(id);
  const replies = useReplySender();
  const entries = usePendingReplies(replies, id);
  const messages = useMemo(() => withAnswer(stored, answer, id), [stored, answer, id]);
  const timeline = useMemo(
    () => buildTimeline(messages, notes ?? [], entries),
    [messages, notes, entries],
  );
  return { timeline, messages, replies };
}
