import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStream, type InboxEvent, type Socket } from './events';

class FakeSocket implements Socket {
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  close = vi.fn();
  constructor(readonly after: string | null) {}
  send = vi.fn();
  receive(event: object) {
    this.onmessage?.({ data: JSON.stringify(event) } as MessageEvent);
  }
  drop() {
    this.onclose?.({} as CloseEvent);
  }
}

let sockets: FakeSocket[];
let refusals: number;
let events: InboxEvent[];
let stream: EventStream;
const socket = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, refusals, events] = [[], 0, []];
  stream = new EventStream({
    connect(after) {
      sockets.push(new FakeSocket(after));
      return socket();
    },
    onRefused: () => {
      refusals += 1;
    },
  });
  stream.subscribe((event) => events.push(event));
  stream.open();
});
afterEach(() => void vi.useRealTimers());

const presence = (sequence: number) => ({ type: 'presence', sequence, agents: [] });
const hello = (sequence: number, name = 's') => ({ type: 'hello', stream: name, sequence });

test('greeting opens the stream', () => {
  expect([stream.state, socket().after]).toEqual(['connecting', null]);
  socket().receive(hello(7));
  socket().receive(presence(8));
  expect(stream.state).toBe('open');
  expect(events.map(({ type }) => type)).toEqual(['hello', 'presence']);
});

test('connection that was lost continues after the last event', () => {
  socket().receive(hello(7));
  socket().receive(presence(8));
  socket().drop();
  expect(stream.state).toBe('closed');
  vi.advanceTimersByTime(500);
  expect(socket().after).toBe('s:8');
  socket().receive(hello(12));
  socket().receive(presence(9));
  socket().drop();
  vi.advanceTimersByTime(500);
  expect(socket().after).toBe('s:9');
  expect(refusals).toBe(0);
});

test('server that restarted has another stream', () => {
  socket().receive(hello(7));
  socket().drop();
  vi.advanceTimersByTime(500);
  socket().receive(hello(1, 't'));
  socket().receive({ type: 'resync', stream: 't', sequence: 1 });
  socket().receive(presence(2));
  socket().drop();
  vi.advanceTimersByTime(500);
  expect(socket().after).toBe('t:2');
});

test('pauses between attempts become longer', () => {
  for (let i = 0; i < 12; i += 1) {
    socket().drop();
    vi.advanceTimersByTime(30_000);
  }
  const attempts = sockets.length;
  socket().drop();
  vi.advanceTimersByTime(14_999);
  expect(sockets.length).toBe(attempts);
  vi.advanceTimersByTime(15_001);
  expect(sockets.length).toBe(attempts + 1);
  expect(refusals).toBe(13);
});

test('frames that are not events are ignored', () => {
  socket().onmessage?.({ data: '{' } as MessageEvent);
  socket().onmessage?.({ data: '42' } as MessageEvent);
  expect(events).toEqual([]);
});

test('closed stream stays closed', () => {
  const { close } = socket();
  stream.close();
  expect(close).toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(sockets.length).toBe(1);
});
