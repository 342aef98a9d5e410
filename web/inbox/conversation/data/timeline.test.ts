import { expect, test } from 'vitest';
import type { Message } from '../../../shared/api';
import type { OutboxEntry } from '../../../shared/outbox';
import type { Note } from '../../app/api';
import { buildTimeline, type MessageRow } from './timeline';

const at = (minute: number, day = 1) => new Date(2026, 0, day, 10, minute).toISOString();

function message(id: string, minute: number, fields: Partial<Message> = {}): Message {
  const parts = [{ type: 'text', text: id }];
  return { id, role: 'user', createdAt: at(minute), parts, humanAgent: null, ...fields } as Message;
}

function note(id: string, minute: number): Note {
  const agent = { id: 'a', name: 'Mara' };
  return { object: 'note', id, text: id, createdAt: at(minute), agent };
}

function entry(content: string, after: string | null): OutboxEntry {
  const createdAt = at(59);
  return {
    key: `key-${content}`,
    conversation: 'c',
    content,
    body: '',
    after,
    createdAt,
    failed: false,
  };
}

const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);

test('notes are between the messages at their time, replies that are being sent at the end', () => {
  const messages = [message('a', 0), message('b', 5), message('c', 9)];
  const rows = buildTimeline(messages, [note('n2', 20), note('n1', 6)], [entry('hello', 'c')]);
  expect(ids(rows)).toEqual(['a', 'b', 'n1', 'c', 'n2', 'key-hello']);
});

test('reply that the server has stored is shown once', () => {
  const sent = message('hello', 10, { role: 'human_agent' });
  const messages = [message('a', 0), sent];
  expect(ids(buildTimeline(messages, [], [entry('hello', 'a')]))).toEqual(['a', 'hello']);
});

test('equal reply from before is not taken for the one that is being sent', () => {
  const earlier = message('hello', 0, { role: 'human_agent' });
  const rows = buildTimeline([earlier], [], [entry('hello', 'hello')]);
  expect(ids(rows)).toEqual(['hello', 'key-hello']);
});

test('groups have one author and no pause, days begin once', () => {
  const rows = buildTimeline(
    [
      message('a', 0),
      message('b', 1),
      message('c', 2, { role: 'assistant' }),
      message('d', 3),
      message('e', 30),
      message('f', 0, { createdAt: at(0, 2) }),
    ],
    [],
    [],
  );
  expect(rows.map(({ startsGroup }) => startsGroup)).toEqual([true, false, true, true, true, true]);
  expect(rows.map(({ startsDay }) => startsDay)).toEqual([true, false, false, false, false, true]);
});

test('page is shown where the visitor changes it', () => {
  const page = (id: string, minute: number, pageUrl: string | null) =>
    message(id, minute, { pageUrl });
  const rows = buildTimeline(
    [
      page('a', 0, 'https://shop.example/a'),
      page('b', 1, 'https://shop.example/a'),
      page('c', 2, null),
      page('d', 3, 'https://shop.example/b'),
    ],
    [],
    [],
  ) as MessageRow[];
  expect(rows.map(({ showsPage }) => showsPage)).toEqual([true, false, false, true]);
});
