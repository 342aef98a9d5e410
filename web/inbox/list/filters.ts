// Which conversations the list shows, and in which order. The query of the address has all
// of it, so that every list can be bookmarked.

import type { ConversationListItem } from '../app/api';

export const SORTS = [
  { id: 'lastInteractionAt', label: 'Last message', asc: 'Oldest first', desc: 'Newest first' },
  { id: 'createdAt', label: 'Start', asc: 'Oldest first', desc: 'Newest first' },
  { id: 'updatedAt', label: 'Last change', asc: 'Oldest first', desc: 'Newest first' },
  { id: 'closedAt', label: 'Closing', asc: 'Oldest first', desc: 'Newest first' },
  { id: 'title', label: 'Title', asc: 'A to Z', desc: 'Z to A' },
  { id: 'status', label: 'Status', asc: 'Closed first', desc: 'Open first' },
  { id: 'isHumanHandled', label: 'Handled by', asc: 'Assistant first', desc: 'Agents first' },
  { id: 'id', label: 'Id', asc: 'Ascending', desc: 'Descending' },
] as const;

export type SortName = (typeof SORTS)[number]['id'];
export type Direction = 'asc' | 'desc';

/** The parts of the inbox. A waiting conversation is open. */
export const VIEWS = [
  { id: 'open', label: 'Open' },
  { id: 'waiting', label: 'Waiting' },
  { id: 'closed', label: 'Closed' },
  { id: 'all', label: 'All' },
] as const;

export type ViewName = (typeof VIEWS)[number]['id'];

export interface Filters {
  view: ViewName;
  /** True: handled by an agent; null: both. */
  isHumanHandled: boolean | null;
  text: string;
  sort: SortName;
  direction: Direction;
}

export const DEFAULT_FILTERS: Filters = {
  view: 'open',
  isHumanHandled: null,
  text: '',
  sort: 'lastInteractionAt',
  direction: 'desc',
};

/** The position of the first visible row in the address, beginning with 1. */
export const POSITION_PARAMETER = 'position';

function oneOf<T extends string>(items: readonly { id: T }[], id: string | null): T | null {
  return items.find((item) => item.id === id)?.id ?? null;
}

export function parseFilters(query: URLSearchParams): Filters {
  const handled = query.get('handled');
  const direction = query.get('direction');
  return {
    view: oneOf(VIEWS, query.get('view')) ?? DEFAULT_FILTERS.view,
    isHumanHandled: handled === 'agent' ? true : handled === 'assistant' ? false : null,
    text: query.get('q') ?? '',
    sort: oneOf(SORTS, query.get('sort')) ?? DEFAULT_FILTERS.sort,
    direction: direction === 'asc' ? 'asc' : DEFAULT_FILTERS.direction,
  };
}

/** The changes of the query that make it say `filters`. Defaults are left out. */
export function filterQuery(filters: Partial<Filters>): Record<string, string | null> {
  const query: Record<string, string | null> = { [POSITION_PARAMETER]: null };
  const { view, isHumanHandled, text, sort, direction } = filters;
  const unlessDefault = (value: string, standard: string) => (value === standard ? null : value);
  if (view !== undefined) query.view = unlessDefault(view, DEFAULT_FILTERS.view);
  if (isHumanHandled !== undefined) {
    query.handled = isHumanHandled === null ? null : isHumanHandled ? 'agent' : 'assistant';
  }
  if (text !== undefined) query.q = text.trim() || null;
  if (sort !== undefined) query.sort = unlessDefault(sort, DEFAULT_FILTERS.sort);
  if (direction !== undefined)
    query.direction = unlessDefault(direction, DEFAULT_FILTERS.direction);
  return query;
}

/** The parameters of the API. */
export function listParameters({ view, isHumanHandled, text, sort, direction }: Filters) {
  return {
    orderBy: sort,
    orderDir: direction,
    include: 'visitor' as const,
    ...((view === 'open' || view === 'closed') && { status: view }),
    ...(view === 'waiting' && { waiting: true }),
    ...(isHumanHandled !== null && { isHumanHandled }),
    ...(text.trim() && { q: text.trim() }),
  };
}

/** Whether the list may have the conversation. Only the server can compare the text. */
export function matches(filters: Filters, row: ConversationListItem): boolean {
  const { view, isHumanHandled } = filters;
  if (view === 'waiting' && row.waitingSince == null) return false;
  if ((view === 'open' || view === 'closed') && row.status !== view) return false;
  return isHumanHandled === null || row.isHumanHandled === isHumanHandled;
}

/** The value that the list is ordered by. Null comes last in both directions. */
function sortValue(sort: SortName, row: ConversationListItem): string | null {
  if (sort === 'title') return row.title?.toLowerCase() ?? null;
  return row[sort] === null ? null : String(row[sort]);
}

/** Compares the places of two rows, as section 6.1 of the API contract defines them. */
export function compareRows(
  { sort, direction }: Filters,
  a: ConversationListItem,
  b: ConversationListItem,
): number {
  const [x, y] = [sortValue(sort, a), sortValue(sort, b)];
  if ((x === null) !== (y === null)) return x === null ? 1 : -1;
  const sign = direction === 'asc' ? 1 : -1;
  if (x !== null && y !== null && x !== y) return x < y ? -sign : sign;
  return a.id === b.id ? 0 : a.id < b.id ? -sign : sign;
}
