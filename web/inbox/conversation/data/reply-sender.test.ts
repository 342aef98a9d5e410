import { expect, test, vi } from 'vitest';
import { type Message, RequestError } from '../../../shared/api';
import { Outbox, type OutboxEntry } from '../../../shared/outbox';
import { ReplySender } from './reply-sender';

/** A storage that a reload keeps. */
function memory() {
  const entries = new Map<string, string>();
  return {
    read: (name: string) => JSON.parse(entries.get(name) ?? 'null'),
    write: (name: string, value: unknown) => entries.set(name, JSON.stringify(value)),
    remove: (name: string) => entries.delete(name),
  };
}

function setup(storage = memory()) {
  const requests: { entry: OutboxEntry; accept: () => void; refuse: (error: unknown) => void }[] =
    [];
  const sent: string[] = [];
  const sender = new ReplySender({
    outbox: new Outbox(storage as never, 'outbox'),
    post: (entry) =>
      new Promise<Message>((resolve, reject) => {
        requests.push({ entry, accept: () => resolve({} as Message), refuse: reject });
      }),
    onSent: ({ content }) => sent.push(content),
  });
  return { storage, sender, requests, sent };
}

const conflict = (conflictingField: string) =>
  new RequestError(409, 'CONFLICT', { conflictingField });

test('reply leaves the outbox when the server has stored it', async () => {
  const { sender, requests, sent } = setup();
  sender.send('c', 'Hello', null);
  expect(sender.entries.map(({ content }) => content)).toEqual(['Hello']);
  await vi.waitFor(() => expect(requests.length).toBe(1));
  requests[0]?.accept();
  await vi.waitFor(() => expect(sender.entries).toEqual([]));
  expect(sent).toEqual(['Hello']);
});

test('failed reply keeps its text, and is sent again with the same key', async () => {
  const { sender, requests } = setup();
  sender.send('c', 'Hello', null);
  await vi.waitFor(() => expect(requests.length).toBe(1));
  requests[0]?.refuse(new TypeError('Failed to fetch'));
  await vi.waitFor(() => expect(sender.entries[0]?.failed).toBe(true));
  sender.retryUnreachable();
  await vi.waitFor(() => expect(requests.length).toBe(2));
  expect(requests[1]?.entry.key).toBe(requests[0]?.entry.key);
  expect(requests[1]?.entry.content).toBe('Hello');
});

test('reply that another agent prevented waits for a decision', async () => {
  const { sender, requests } = setup();
  sender.send('c', 'Hello', null);
  await vi.waitFor(() => expect(requests.length).toBe(1));
  requests[0]?.refuse(conflict('humanAgent'));
  await vi.waitFor(() => expect(sender.entries[0]?.failed).toBe(true));
  sender.retryUnreachable();
  await Promise.resolve();
  expect(requests.length).toBe(1);
});

test('replies of a conversation arrive in their order', async () => {
  const { sender, requests } = setup();
  sender.send('c', 'One', null);
  sender.send('c', 'Two', null);
  sender.send('other', 'Three', null);
  await vi.waitFor(() => expect(requests.length).toBe(2));
  expect(requests.map(({ entry }) => entry.content)).toEqual(['One', 'Three']);
  requests[0]?.accept();
  await vi.waitFor(() => expect(requests.length).toBe(3));
  expect(requests[2]?.entry.content).toBe('Two');
});

test('reload sends on what was being sent, unless that was long ago', async () => {
  const first = setup();
  first.sender.send('c', 'Hello', null);
  await vi.waitFor(() => expect(first.requests.length).toBe(1));
  const reloaded = setup(first.storage);
  await vi.waitFor(() => expect(reloaded.requests.length).toBe(1));
  expect(reloaded.requests[0]?.entry.key).toBe(first.requests[0]?.entry.key);
  const entry = reloaded.sender.entries[0] as OutboxEntry;
  first.storage.write('outbox', [{ ...entry, createdAt: '2026-01-01T10:00:00.000Z' }]);
  const later = setup(first.storage);
  await Promise.resolve();
  expect(later.requests).toEqual([]);
  expect(later.sender.entries[0]?.failed).toBe(true);
});
