import { expect, test } from 'vitest';
import { MAX_SCROLL_PX, ScrollMap } from './scroll';

const VIEWPORT = 800;

function map(length: number): ScrollMap {
  const map = new ScrollMap();
  map.resize(length, VIEWPORT);
  return map;
}

test('short list scrolls as the area does', () => {
  const short = map(5_000);
  expect(short.height).toBe(5_000);
  short.scrolled(4_200);
  expect([short.offset, short.delta, short.isAtFalseEnd]).toEqual([4_200, 0, false]);
});

test('list ends where the area ends', () => {
  const long = map(80_000_000);
  expect(long.height).toBe(MAX_SCROLL_PX);
  long.scrolled(MAX_SCROLL_PX - VIEWPORT);
  expect(long.offset).toBe(80_000_000 - VIEWPORT);
  long.scrolled(0);
  expect(long.offset).toBe(0);
});

test('small movements move a long list by as many pixels', () => {
  const long = map(80_000_000);
  long.moveTo(40_000_000);
  const { top } = long;
  long.scrolled(top + 120);
  expect(long.offset).toBe(40_000_120);
  long.scrolled(top - 40);
  expect(long.offset).toBe(39_999_960);
});

test('large movements move a long list to the same share of its length', () => {
  const long = map(80_000_000);
  long.scrolled((MAX_SCROLL_PX - VIEWPORT) / 2);
  expect(long.offset).toBe((80_000_000 - VIEWPORT) / 2);
});

test('area that ends before the list is moved', () => {
  const long = map(80_000_000);
  long.moveTo(40_000_000);
  while (!long.isAtFalseEnd) long.scrolled(long.top - 1_000);
  const { offset } = long;
  expect(offset).toBeGreaterThan(30_000_000);
  long.moveTo(offset);
  expect([long.offset, long.isAtFalseEnd]).toEqual([offset, false]);
});

test('start and end of a long list are reached in small movements', () => {
  const long = map(80_000_000);
  long.moveTo(900);
  long.scrolled(0);
  expect([long.offset, long.delta]).toEqual([0, 0]);
  long.moveTo(80_000_000 - VIEWPORT - 900);
  long.scrolled(MAX_SCROLL_PX - VIEWPORT);
  expect(long.offset).toBe(80_000_000 - VIEWPORT);
});

test('place stays in a list that becomes shorter', () => {
  const long = map(80_000_000);
  long.moveTo(79_000_000);
  long.resize(1_000_000, VIEWPORT);
  expect(long.offset).toBe(1_000_000 - VIEWPORT);
});
