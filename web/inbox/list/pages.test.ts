import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { compareRows, DEFAULT_FILTERS, type Filters, matches } from './filters';
import { ConversationPages, type LoadedPage, pagesOf, type Row, rowAt } from './pages';

const FILTERS: Filters = { ...DEFAULT_FILTERS, view: 'all' };

/** A row whose last message is the newer the larger `time` is. */
function row(id: string, time: number, changes: Partial<Row> = {}): Row {
  const at = new Date(time * 1000).toISOString();
  return {
    id,
    status: 'open',
    isHumanHandled: false,
    title: `Conversation ${id}`,
    lastInteractionAt: at,
    lastInterationAt: at,
    createdAt: at,
    updatedAt: at,
    closedAt: null,
    waitingSince: null,
    isUnread: false,
    lastMessage: null,
    ...changes,
  } as Row;
}

/** A server with `count` conversations, the newest first. */
class Server {
  rows: Row[];
  requests: number[] = [];
  isDown = false;

  constructor(count: number) {
    this.rows = Array.from({ length: count }, (_, i) => row(`c${i}`, 1_000_000 - i));
  }

  load = async (offset: number, limit: number): Promise<LoadedPage> => {
    this.requests.push(offset);
    if (this.isDown) throw new TypeError('down');
    const rows = this.rows.slice(offset, offset + limit);
    return { total: this.rows.length, rows, isIncomplete: false };
  };

  /** A visitor writes. */
  touch(id: string, time = 2_000_000): Row {
    const old = this.rows.find((row) => row.id === id);
    const changed = { ...old, ...row(id, time) };
    this.rows = [changed, ...this.rows.filter((row) => row.id !== id)];
    return changed;
  }
}

function open(server: Server, filters = FILTERS) {
  return new ConversationPages({
    load: server.load,
    compare: (a, b) => compareRows(filters, a, b),
    matches: (row) => matches(filters, row),
  });
}

function ids(pages: ConversationPages, first: number, last: number) {
  const indexes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return indexes.map((index) => rowAt(pages.getSnapshot(), index)?.id);
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const settle = () => vi.advanceTimersByTimeAsync(100);

test('pages cover the rows and end with the list', () => {
  expect(pagesOf(0, 9, null)).toEqual([0]);
  expect(pagesOf(-15, 55, null)).toEqual([0, 1]);
  expect(pagesOf(40, 5_000, 60)).toEqual([0, 1]);
  expect(pagesOf(0, 10, 0)).toEqual([0]);
  expect(pagesOf(999_990, 1_000_020, 1_000_000)).toEqual([19_999]);
});

test('only pages around the visible rows are loaded', async () => {
  const server = new Server(1_000);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  expect(server.requests).toEqual([0]);
  pages.show(500, 509);
  await settle();
  expect(server.requests).toEqual([0, 450, 500]);
  expect(ids(pages, 500, 501)).toEqual(['c500', 'c501']);
  expect(pages.getSnapshot().total).toBe(1_000);
});

test('a quick series of jumps loads the last place only', async () => {
  const server = new Server(10_000);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  for (const first of [1_020, 2_020, 3_020, 4_020]) pages.show(first, first + 9);
  await settle();
  expect(server.requests).toEqual([0, 4_000]);
});

test('pages far from the visible rows are forgotten', async () => {
  const server = new Server(5_000);
  const pages = open(server);
  for (let first = 0; first < 4_900; first += 20) {
    pages.show(first, first + 9);
    await settle();
  }
  expect(pages.getSnapshot().pages.size).toBeLessThanOrEqual(40);
  expect(ids(pages, 0, 0)).toEqual([undefined]);
  pages.show(0, 9);
  await settle();
  expect(ids(pages, 0, 0)).toEqual(['c0']);
});

test('new conversation is announced and does not move the rows', async () => {
  const server = new Server(100);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  const conversation = row('new', 2_000_000);
  server.rows.unshift(conversation);
  pages.receive({ type: 'conversation_created', conversation });
  expect(pages.getSnapshot()).toMatchObject({ newRows: 1, isOutdated: true });
  expect(ids(pages, 0, 1)).toEqual(['c0', 'c1']);
  pages.refresh();
  expect(ids(pages, 0, 1)).toEqual(['c0', 'c1']);
  await settle();
  expect(ids(pages, 0, 1)).toEqual(['new', 'c0']);
  expect(pages.getSnapshot()).toMatchObject({ newRows: 0, isOutdated: false, total: 101 });
});

test('change shows in its row at once, and where the row belongs after a refresh', async () => {
  const server = new Server(100);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  const conversation = server.touch('c5');
  conversation.title = 'Changed';
  pages.receive({ type: 'conversation_updated', conversation });
  expect(rowAt(pages.getSnapshot(), 5)?.title).toBe('Changed');
  expect(pages.getSnapshot().newRows).toBe(1);
  pages.refresh();
  await settle();
  expect(ids(pages, 0, 2)).toEqual(['c5', 'c0', 'c1']);
});

test('change that keeps its place is not announced', async () => {
  const server = new Server(100);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  pages.receive({ type: 'conversation_updated', conversation: server.touch('c0') });
  expect(pages.getSnapshot()).toMatchObject({ newRows: 0, isOutdated: false });
  const message = { role: 'user', createdAt: new Date(3e12).toISOString(), parts: [] };
  pages.receive({ type: 'new_message', chatId: 'c0', message: message as never });
  expect(rowAt(pages.getSnapshot(), 0)?.isUnread).toBe(true);
  expect(pages.getSnapshot().isOutdated).toBe(false);
});

test('after a change, further rows fit to the rows that are shown', async () => {
  const server = new Server(500);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  for (const id of ['c300', 'c301', 'c302']) {
    pages.receive({ type: 'conversation_updated', conversation: server.touch(id) });
  }
  // Without a new generation, row 50 would be c47, which is row 47 already.
  pages.show(45, 54);
  await settle();
  const { shift } = pages.getSnapshot();
  expect(shift).toEqual({ rows: 3, generation: 1 });
  expect(ids(pages, 48, 58)).toEqual(
    [45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55].map((i) => `c${i}`),
  );
});

test('conversation that no longer matches stays until the list is loaded again', async () => {
  const filters: Filters = { ...FILTERS, view: 'open' };
  const server = new Server(100);
  const pages = open(server, filters);
  pages.show(0, 9);
  await settle();
  const conversation = row('c2', 999_998, { status: 'closed' });
  server.rows.splice(2, 1);
  pages.receive({ type: 'conversation_updated', conversation });
  expect(rowAt(pages.getSnapshot(), 2)?.status).toBe('closed');
  expect(pages.getSnapshot()).toMatchObject({ newRows: 0, isOutdated: true });
  pages.refresh();
  await settle();
  expect(ids(pages, 1, 2)).toEqual(['c1', 'c3']);
});

test('event of a conversation that never was in the list changes nothing', async () => {
  const server = new Server(100);
  const pages = open(server, { ...FILTERS, view: 'closed' });
  pages.show(0, 9);
  await settle();
  pages.receive({ type: 'conversation_created', conversation: row('new', 2_000_000) });
  expect(pages.getSnapshot()).toMatchObject({ newRows: 0, isOutdated: false });
});

test('beginning and end of waiting change the row', async () => {
  const server = new Server(10);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  const waitingSince = '2026-01-01T00:00:00.000Z';
  pages.receive({ type: 'waiting', chatId: 'c3', waitingSince, reason: 'requested' });
  expect(rowAt(pages.getSnapshot(), 3)).toMatchObject({ waitingSince, waitingReason: 'requested' });
  pages.receive({ type: 'waiting', chatId: 'c3', waitingSince: null, reason: null });
  expect(rowAt(pages.getSnapshot(), 3)?.waitingSince).toBeNull();
});

test('missing events make the list outdated', async () => {
  const pages = open(new Server(10));
  pages.show(0, 9);
  await settle();
  pages.receive({ type: 'resync', stream: 'b', sequence: 0 });
  expect(pages.getSnapshot().isOutdated).toBe(true);
});

test('failed page can be loaded again', async () => {
  const server = new Server(10);
  const pages = open(server);
  server.isDown = true;
  pages.show(0, 9);
  await settle();
  expect(pages.getSnapshot().error).toBeInstanceOf(TypeError);
  server.isDown = false;
  pages.retry();
  await settle();
  expect(pages.getSnapshot()).toMatchObject({ error: null, total: 10 });
});

test('list that failed to be loaded again keeps its rows', async () => {
  const server = new Server(10);
  const pages = open(server);
  pages.show(0, 9);
  await settle();
  server.isDown = true;
  pages.refresh();
  await settle();
  expect(ids(pages, 0, 0)).toEqual(['c0']);
  server.isDown = false;
  server.touch('c9');
  pages.retry();
  await settle();
  expect(ids(pages, 0, 0)).toEqual(['c9']);
});
