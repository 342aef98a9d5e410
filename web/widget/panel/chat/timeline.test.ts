import { expect, test } from 'vitest';
import type { Message } from '../../../shared/api';
import type { OutboxEntry } from '../../../shared/outbox';
import { buildTimeline, type LiveAnswer } from './timeline';

const message = (id: string, role: Message['role'], text: string, status = 'complete') =>
  ({
    id,
    role,
    status,
    parts: [{ type: 'text', text }],
    createdAt: '2026-01-01T10:00:00.000Z',
    humanAgent: null,
    feedback: null,
  }) as unknown as Message;

const entry = (key: string, content: string, after: string | null): OutboxEntry => ({
  key,
  conversation: 'c',
  content,
  body: '{}',
  after,
  createdAt: '2026-01-01T10:00:00.000Z',
  failed: false,
});

const answer = (messageId: string | null, text: string): LiveAnswer => ({
  conversation: 'c',
  messageId,
  text,
});

const shown = (...parameters: Parameters<typeof buildTimeline>) =>
  buildTimeline(...parameters).map(({ id, text, state }) => `${id} ${state}: ${text}`);

test('message of the outbox is shown until the server returns it', () => {
  const outbox = [entry('k', 'Hello', null)];
  expect(shown([], outbox, null)).toEqual(['k sending: Hello']);
  expect(shown([message('1', 'user', 'Hello')], outbox, null)).toEqual(['1 complete: Hello']);
});

test('same text that was sent earlier is another message', () => {
  const messages = [message('1', 'user', 'Hello'), message('2', 'assistant', 'Hi')];
  expect(shown(messages, [entry('k', 'Hello', '2')], null).at(-1)).toBe('k sending: Hello');
});

test('two equal messages in the outbox are two', () => {
  const outbox = [entry('k1', 'Hello', null), entry('k2', 'Hello', null)];
  expect(shown([message('1', 'user', 'Hello')], outbox, null)).toEqual([
    '1 complete: Hello',
    'k2 sending: Hello',
  ]);
});

test('answer that arrives replaces its stored part', () => {
  const messages = [message('1', 'user', 'Hello'), message('2', 'assistant', 'Hi', 'streaming')];
  expect(shown(messages, [], answer('2', 'Hi there'))).toEqual([
    '1 complete: Hello',
    '2 streaming: Hi there',
  ]);
  expect(shown(messages, [], answer(null, ''))).toEqual(['1 complete: Hello', '2 streaming: Hi']);
});

test('answer follows the message that waits for it', () => {
  expect(shown([], [entry('k', 'Hello', null)], answer(null, ''))).toEqual([
    'k sending: Hello',
    'answer waiting: ',
  ]);
});
