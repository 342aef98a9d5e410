// The rows of the log: messages, internal notes, and replies that are being sent.

import type { Message } from '../../../shared/api';
import { missingEntries, type OutboxEntry } from '../../../shared/outbox';
import type { Note } from '../../app/api';

interface Row {
  id: string;
  createdAt: string;
  /** Whether the row begins a day. */
  startsDay: boolean;
  /** Whether the row needs its author and time: the row before is by someone else or older. */
  startsGroup: boolean;
}
export interface MessageRow extends Row {
  kind: 'message';
  message: Message;
  /** Whether the visitor wrote on another page than before. */
  showsPage: boolean;
}
export interface NoteRow extends Row {
  kind: 'note';
  note: Note;
}
export interface PendingRow extends Row {
  kind: 'pending';
  entry: OutboxEntry;
}
export type TimelineRow = MessageRow | NoteRow | PendingRow;

type Content =
  | { kind: 'message'; message: Message }
  | { kind: 'note'; note: Note }
  | { kind: 'pending'; entry: OutboxEntry };

/** Messages of one author within this time have one heading. */
const GROUP_MS = 5 * 60_000;

export function buildTimeline(
  messages: readonly Message[],
  notes: readonly Note[],
  entries: readonly OutboxEntry[],
): TimelineRow[] {
  const pending = missingEntries(messages, entries, 'human_agent');
  const contents: Content[] = [
    ...merge(messages, notes),
    ...pending.map((entry) => ({ kind: 'pending', entry }) as const),
  ];
  let page: string | null = null;
  return contents.map((content, index) => {
    const row = rowOf(content, contents[index - 1]);
    if (content.kind !== 'message') return row;
    const { role, pageUrl } = content.message;
    const showsPage = role === 'user' && pageUrl !== null && pageUrl !== page;
    if (showsPage) page = pageUrl;
    return { ...row, showsPage } as MessageRow;
  });
}

/** Both in the order of their times. */
function merge(messages: readonly Message[], notes: readonly Note[]): Content[] {
  const contents: Content[] = [];
  const rest = [...notes].sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  for (const message of messages) {
    while (rest[0] && rest[0].createdAt < message.createdAt) {
      contents.push({ kind: 'note', note: rest.shift() as Note });
    }
    contents.push({ kind: 'message', message });
  }
  return [...contents, ...rest.map((note) => ({ kind: 'note', note }) as const)];
}

function rowOf(content: Content, before: Content | undefined): TimelineRow {
  const createdAt = timeOf(content);
  const startsDay = !before || dayOf(createdAt) !== dayOf(timeOf(before));
  const isSoon = before && Date.parse(createdAt) - Date.parse(timeOf(before)) < GROUP_MS;
  const startsGroup = startsDay || !isSoon || authorOf(before) !== authorOf(content);
  return { ...content, id: idOf(content), createdAt, startsDay, startsGroup } as TimelineRow;
}

function idOf(content: Content): string {
  if (content.kind === 'message') return content.message.id;
  return content.kind === 'note' ? content.note.id : content.entry.key;
}

function timeOf(content: Content): string {
  if (content.kind === 'message') return content.message.createdAt;
  return content.kind === 'note' ? content.note.createdAt : content.entry.createdAt;
}

function authorOf(content: Content): string {
  if (content.kind === 'note') return `note ${content.note.agent?.name ?? ''}`;
  if (content.kind === 'pending') return 'pending';
  return `${content.message.role} ${content.message.humanAgent?.name ?? ''}`;
}

function dayOf(timestamp: string): string {
  return new Date(timestamp).toDateString();
}
