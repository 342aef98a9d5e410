import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { useEvents } from '../app/EventsProvider';
import type { InboxEvent } from '../app/events';
import { compareRows, type Filters, matches } from './filters';
import { loadPage } from './load-page';
import { ConversationPages, type Snapshot } from './pages';

const EVENTS: InboxEvent['type'][] = [
  'conversation_created',
  'conversation_updated',
  'conversation_deleted',
  'new_message',
  'message_done',
  'waiting',
  'resync',
];

/** The rows of the list with `filters`, which live events keep up to date. */
export function useConversationPages(filters: Filters): [ConversationPages, Snapshot] {
  const pages = useMemo(
    () =>
      new ConversationPages({
        load: (offset, limit, signal) => loadPage(filters, offset, limit, signal),
        compare: (a, b) => compareRows(filters, a, b),
        matches: (row) => (matches(filters, row) ? (filters.text.trim() ? null : true) : false),
      }),
    [filters],
  );
  useEffect(() => () => pages.close(), [pages]);
  useEvents(EVENTS, (event) => pages.receive(event));
  return [pages, useSyncExternalStore(pages.subscribe, pages.getSnapshot)];
}
