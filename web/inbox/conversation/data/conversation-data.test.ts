import { expect, test } from 'vitest';
import type { Message } from '../../../shared/api';
import {
  type ConversationData,
  handlerOf,
  withAnswer,
  withDelta,
  withMessage,
} from './conversation-data';

function message(id: string, minute: number, fields: Partial<Message> = {}): Message {
  const createdAt = `2026-01-01T10:0${minute}:00.000Z`;
  const parts = [{ type: 'text', text: id }];
  return { id, role: 'user', status: 'complete', createdAt, parts, ...fields } as Message;
}

const conversation = (...messages: Message[]) =>
  ({ id: 'c', status: 'open', messages }) as ConversationData;

const ids = ({ messages }: ConversationData) => messages.map(({ id }) => id);

test('message is inserted at its time, and replaces its earlier version', () => {
  const before = conversation(message('a', 1), message('c', 3));
  expect(ids(withMessage(before, message('b', 2)))).toEqual(['a', 'b', 'c']);
  expect(ids(withMessage(before, message('d', 4)))).toEqual(['a', 'c', 'd']);
  const rated = withMessage(before, message('a', 1, { feedback: 'like' }));
  expect(ids(rated)).toEqual(['a', 'c']);
  expect(rated.messages[0]?.feedback).toBe('like');
});

test('live text replaces the stored part of an answer, but not a complete one', () => {
  const answer = { messageId: 'b', text: 'Hello, how' };
  const text = (messages: readonly Message[]) => messages.at(-1)?.parts[0]?.text;
  const streaming = [message('a', 1), message('b', 2, { role: 'assistant', status: 'streaming' })];
  expect(text(withAnswer(streaming, answer, 'c'))).toBe('Hello, how');
  const complete = [message('a', 1), message('b', 2, { role: 'assistant' })];
  expect(withAnswer(complete, answer, 'c')).toBe(complete);
  const unknown = withAnswer([message('a', 1)], answer, 'c');
  expect(unknown.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(unknown[1]?.status).toBe('streaming');
});

test('delta is put at its offset, and without the part before it there is no answer', () => {
  const start = withDelta(null, { messageId: 'a', offset: 0, delta: 'Hello' });
  expect(start).toEqual({ messageId: 'a', text: 'Hello' });
  const more = withDelta(start, { messageId: 'a', offset: 5, delta: ', how' });
  expect(more?.text).toBe('Hello, how');
  expect(withDelta(more, { messageId: 'a', offset: 0, delta: 'Hello, h' })?.text).toBe('Hello, h');
  expect(withDelta(more, { messageId: 'a', offset: 12, delta: 'x' })).toBeNull();
  expect(withDelta(more, { messageId: 'b', offset: 3, delta: 'x' })).toBeNull();
});

test('handler is the account, another agent, the assistant or nobody', () => {
  const me = { id: 'me' };
  const open = conversation();
  expect(handlerOf(open, me)).toBe('assistant');
  expect(handlerOf({ ...open, isHumanHandled: true, agentId: 'me' }, me)).toBe('me');
  expect(handlerOf({ ...open, isHumanHandled: true, agentId: 'mara' }, me)).toBe('other');
  expect(handlerOf({ ...open, isHumanHandled: true, agentId: null }, me)).toBe('other');
  expect(handlerOf({ ...open, status: 'closed', isHumanHandled: true }, me)).toBe('nobody');
});
