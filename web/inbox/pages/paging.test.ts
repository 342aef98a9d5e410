import { expect, test } from 'vitest';
import { nextOffset } from './paging';

const page = (length: number, total: number) => ({ data: new Array(length).fill(null), total });

test('the next page begins after the loaded ones', () => {
  const pages = [page(20, 45), page(20, 45)];
  expect(nextOffset(pages[1] as (typeof pages)[0], pages)).toBe(40);
});

test.each([
  ['nothing', [page(0, 0)]],
  ['all', [page(20, 25), page(5, 25)]],
  ['a list that became shorter', [page(20, 45), page(0, 20)]],
])('there is no next page after %s', (_, pages) => {
  expect(nextOffset(pages.at(-1) as (typeof pages)[0], pages)).toBeUndefined();
});
