// What the visitor sees of a conversation: the messages of the server, the messages that
// are being sent, and the answer that arrives.

import type { Feedback, Message } from '../../../shared/api';
import { textOf } from '../../../shared/message-text';
import { missingEntries, type OutboxEntry } from '../../../shared/outbox';

/** An answer that is being received. */
export interface LiveAnswer {
  conversation: string;
  /** Null until the server sends it. */
  messageId: string | null;
  text: string;
}

export interface TimelineItem {
  id: string;
  role: Message['role'];
  text: string;
  /** `waiting`: no text yet. `sending`, `unsent`: a message of the visitor. */
  state: 'complete' | 'streaming' | 'waiting' | 'failed' | 'sending' | 'unsent';
  createdAt: string;
  agent: { name: string | null; image: string | null } | null;
  feedback: Feedback;
}

export function buildTimeline(
  messages: readonly Message[],
  entries: readonly OutboxEntry[],
  answer: LiveAnswer | null,
): TimelineItem[] {
  const items = messages.map(itemOf);
  items.push(...missingEntries(messages, entries, 'user').map(itemOfEntry));
  if (answer) placeAnswer(items, answer);
  return items;
}

/** Replaces the stored part of the answer by the longer text that was received. */
function placeAnswer(items: TimelineItem[], answer: LiveAnswer): void {
  const last = items.at(-1);
  const hasStoredPart = last?.state === 'streaming' || last?.state === 'waiting';
  if (answer.messageId === null && hasStoredPart) return;
  const item: TimelineItem = {
    id: answer.messageId ?? 'answer',
    role: 'assistant',
    text: answer.text,
    state: answer.text ? 'streaming' : 'waiting',
    createdAt: new Date().toISOString(),
    agent: null,
    feedback: null,
  };
  const index = items.findIndex(({ id }) => id === answer.messageId);
  if (index >= 0) items[index] = item;
  else if (last?.role === 'assistant' && last.state === 'failed') items[items.length - 1] = item;
  else items.push(item);
}

function itemOf(message: Message): TimelineItem {
  const text = textOf(message);
  return {
    id: message.id,
    role: message.role,
    text,
    state: stateOf(message, text),
    createdAt: message.createdAt,
    agent: message.humanAgent,
    feedback: message.feedback ?? null,
  };
}

function stateOf(message: Message, text: string): TimelineItem['state'] {
  if (message.status === 'error') return 'failed';
  if (message.status === 'streaming') return text ? 'streaming' : 'waiting';
  return 'complete';
}

function itemOfEntry(entry: OutboxEntry): TimelineItem {
  return {
    id: entry.key,
    role: 'user',
    text: entry.content,
    state: entry.failed ? 'unsent' : 'sending',
    createdAt: entry.createdAt,
    agent: null,
    feedback: null,
  };
}
