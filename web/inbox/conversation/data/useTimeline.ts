import { useEffect, useMemo } from 'react';
import { missingEntries } from '../../../shared/outbox';
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
  useEffect(() => {
    // The reply was stored, although its response was lost.
    const missing = missingEntries(stored, entries, 'human_agent');
    for (const entry of entries) {
      if (entry.failed && !missing.includes(entry)) replies.discard(entry.key);
    }
  }, [stored, entries, replies]);
  const timeline = useMemo(
    () => buildTimeline(messages, notes ?? [], entries),
    [messages, notes, entries],
  );
  return { timeline, messages, replies };
}
