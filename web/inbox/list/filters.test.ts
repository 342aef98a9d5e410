import { expect, test } from 'vitest';
import type { ConversationListItem } from '../app/api';
import { withQuery } from '../app/router';
import {
  compareRows,
  DEFAULT_FILTERS,
  type Filters,
  filterQuery,
  listParameters,
  matches,
  parseFilters,
} from './filters';

test('address has what differs from the usual list, and gives the same filters', () => {
  const filters: Filters = {
    view: 'closed',
    isHumanHandled: false,
    text: 'refund "two shirts"',
    sort: 'title',
    direction: 'asc',
  };
  const search = withQuery('', filterQuery(filters));
  expect(search).toBe(
    '?view=closed&handled=assistant&q=refund+%22two+shirts%22&sort=title&direction=asc',
  );
  expect(parseFilters(new URLSearchParams(search))).toEqual(filters);
  expect(withQuery(search, filterQuery(DEFAULT_FILTERS))).toBe('');
});

test('address with unknown values shows the usual list', () => {
  expect(parseFilters(new URLSearchParams('view=x&sort=y&direction=z&handled=w'))).toEqual(
    DEFAULT_FILTERS,
  );
});

test('another filter begins at the start of the list', () => {
  expect(withQuery('?position=500', filterQuery({ view: 'all' }))).toBe('?view=all');
});

test('parameters are those of the API', () => {
  expect(listParameters({ ...DEFAULT_FILTERS, view: 'waiting', text: ' a ' })).toEqual({
    orderBy: 'lastInteractionAt',
    orderDir: 'desc',
    include: 'visitor',
    waiting: true,
    q: 'a',
  });
});

const row = (changes: object) => ({ id: 'a', ...changes }) as ConversationListItem;

test('null comes last in both directions, and ids decide ties', () => {
  for (const direction of ['asc', 'desc'] as const) {
    const filters: Filters = { ...DEFAULT_FILTERS, sort: 'title', direction };
    const rows = [
      row({ title: null }),
      row({ title: 'b' }),
      row({ title: 'A', id: 'b' }),
      row({ title: 'a' }),
    ];
    const sorted = rows
      .sort((x, y) => compareRows(filters, x, y))
      .map(({ title, id }) => title && title + id);
    expect(sorted).toEqual(
      direction === 'asc' ? ['aa', 'Ab', 'ba', null] : ['ba', 'Ab', 'aa', null],
    );
  }
});

test('conversation matches its view', () => {
  const waiting = row({ status: 'open', isHumanHandled: false, waitingSince: '2026-01-01' });
  const closed = row({ status: 'closed', isHumanHandled: true, waitingSince: null });
  const views = (item: ConversationListItem) =>
    (['open', 'waiting', 'closed', 'all'] as const).filter((view) =>
      matches({ ...DEFAULT_FILTERS, view }, item),
    );
  expect(views(waiting)).toEqual(['open', 'waiting', 'all']);
  expect(views(closed)).toEqual(['closed', 'all']);
  expect(matches({ ...DEFAULT_FILTERS, view: 'all', isHumanHandled: true }, waiting)).toBe(false);
});
