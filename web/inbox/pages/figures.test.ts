import { expect, test } from 'vitest';
import { formatDay, formatShare, formatWait } from './figures';

test('shares are percentages', () => {
  expect(formatShare(null)).toBe('–');
  expect(formatShare(0)).toBe('0 %');
  expect(formatShare(0.876)).toBe('88 %');
});

test.each([
  [null, '–'],
  [42, '42 s'],
  [90, '2 min'],
  [7_200, '2 h'],
  [3 * 86_400, '3 d'],
])('a wait of %s seconds is %s', (seconds, text) => {
  expect(formatWait(seconds)).toBe(text);
});

test('days do not depend on the time zone', () => {
  expect(formatDay('2026-11-26')).toBe('26 Nov');
});
