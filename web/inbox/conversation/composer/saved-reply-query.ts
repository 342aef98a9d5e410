// Finding the saved replies that match what is written after a slash.

import type { SavedReply } from '../../app/api';

export interface SlashQuery {
  /** Where the slash is in the text. */
  start: number;
  query: string;
}

/** A slash at the beginning of a word, and what follows it up to the caret. */
const SLASH = /(^|\s)\/([^\s/]*)$/;

export function slashQuery(text: string, caret: number): SlashQuery | null {
  const match = SLASH.exec(text.slice(0, caret));
  if (!match) return null;
  return { start: match.index + (match[1]?.length ?? 0), query: match[2] ?? '' };
}

/** Those whose name contains the query first, then those whose text does. */
export function matchingReplies(replies: readonly SavedReply[], query: string): SavedReply[] {
  const words = query.toLowerCase();
  const inName = replies.filter(({ name }) => name.toLowerCase().includes(words));
  const inText = replies.filter(
    (reply) => !inName.includes(reply) && reply.text.toLowerCase().includes(words),
  );
  return [...inName, ...inText];
}
