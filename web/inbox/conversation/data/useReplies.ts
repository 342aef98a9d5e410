import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useMemo, useSyncExternalStore } from 'react';
import type { Message } from '../../../shared/api';
import { DeviceStorage } from '../../../shared/device-storage';
import { Drafts } from '../../../shared/drafts';
import { Outbox, type OutboxEntry } from '../../../shared/outbox';
import { useEvents } from '../../app/EventsProvider';
import { keys } from '../../app/queries';
import { useMe } from '../../app/session';
import { type ConversationData, withMessage } from './conversation-data';
import { ReplySender } from './reply-sender';
import { postReply } from './requests';

const OUTBOX_ENTRY = 'outbox';

/** What an account stores in this browser. */
function storageOf(accountId: string): DeviceStorage {
  return new DeviceStorage('localStorage', `parlor:inbox:${accountId}:`);
}

/** One for each account, which sends on while other conversations are open. */
const senders = new Map<string, ReplySender>();

function senderOf(accountId: string, client: QueryClient): ReplySender {
  const existing = senders.get(accountId);
  if (existing) return existing;
  const storage = storageOf(accountId);
  const onSent = ({ conversation }: OutboxEntry, message: Message) => {
    const queryKey = keys.conversation(conversation ?? '');
    client.setQueryData(queryKey, (old: ConversationData | undefined) =>
      old ? withMessage(old, message) : old,
    );
    void client.invalidateQueries({ queryKey });
  };
  const outbox = new Outbox(storage, OUTBOX_ENTRY);
  const sender = new ReplySender({ outbox, post: postReply, onSent });
  storage.listen(OUTBOX_ENTRY, () => sender.refresh(), new AbortController().signal);
  senders.set(accountId, sender);
  return sender;
}

export function useReplySender(): ReplySender {
  const client = useQueryClient();
  const sender = senderOf(useMe().id, client);
  useEvents(['hello'], () => sender.retryUnreachable());
  return sender;
}

/** The replies of a conversation that the server has not stored yet. */
export function usePendingReplies(sender: ReplySender, conversationId: string) {
  const entries = useSyncExternalStore(sender.subscribe, () => sender.entries);
  return useMemo(
    () => entries.filter(({ conversation }) => conversation === conversationId),
    [entries, conversationId],
  );
}

export function useDrafts(): Drafts {
  const { id } = useMe();
  return useMemo(() => new Drafts(storageOf(id)), [id]);
}
