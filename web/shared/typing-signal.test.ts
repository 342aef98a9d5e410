import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TypingSignal } from './typing-signal';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function record() {
  const sent: boolean[] = [];
  return { sent, signal: new TypingSignal((isTyping) => sent.push(isTyping)) };
}

test('writing is told at once, and then at intervals', () => {
  const { sent, signal } = record();
  for (const text of ['H', 'He', 'Hel']) signal.change(text);
  expect(sent).toEqual([true]);
  vi.advanceTimersByTime(3_000);
  signal.change('Hell');
  expect(sent).toEqual([true, true]);
});

test('a pause, an empty text and a message that is sent end it once', () => {
  const { sent, signal } = record();
  signal.change('Hello');
  vi.advanceTimersByTime(5_000);
  expect(sent).toEqual([true, false]);
  signal.stop();
  signal.change('Hello');
  signal.change('');
  signal.change('');
  expect(sent).toEqual([true, false, true, false]);
});

test('spaces alone are not told', () => {
  const { sent, signal } = record();
  signal.change('  ');
  expect(sent).toEqual([]);
});
