import type { Message } from '../../../shared/api';

/** The id of the newest message that the visitor has seen. */
export const SEEN_ENTRY = 'seen';

/** The messages after the one with the id `seen` that others wrote. */
export function countUnread(messages: readonly Message[], seen: string | null): number {
  const index = messages.findIndex(({ id }) => id === seen);
  if (index < 0 && seen) return 0;
  const isComplete = ({ role, status }: Message) => role !== 'user' && status !== 'streaming';
  return messages.slice(index + 1).filter(isComplete).length;
}
