import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { keys } from '../../app/queries';
import type { ConversationData } from './conversation-data';
import { markRead } from './requests';

function subscribeAttention(listener: () => void): () => void {
  const end = new AbortController();
  const { signal } = end;
  window.addEventListener('focus', listener, { signal });
  window.addEventListener('blur', listener, { signal });
  document.addEventListener('visibilitychange', listener, { signal });
  return () => end.abort();
}

/** Whether the agent looks at this window. */
function useAttention(): boolean {
  return useSyncExternalStore(
    subscribeAttention,
    () => document.visibilityState === 'visible' && document.hasFocus(),
  );
}

/** Tells the server that the messages were seen, while the agent looks at them. */
export function useReadMark({ id, isUnread, messages }: ConversationData): void {
  const client = useQueryClient();
  const isSeen = useAttention();
  const newest = messages.at(-1)?.id ?? null;
  const [marked] = useState<{ newest: string | null }>({ newest });
  useEffect(() => {
    if (!isSeen || (!isUnread && marked.newest === newest)) return;
    marked.newest = newest;
    const setRead = (old: ConversationData | undefined) => old && { ...old, isUnread: false };
    markRead(id)
      .then(() => client.setQueryData(keys.conversation(id), setRead))
      // The next message tries again.
      .catch(() => null);
  }, [isSeen, isUnread, newest, id, client, marked]);
}
