// The rows of a list of conversations that are loaded, by their position.
//
// Pages of one generation were read between two changes of the order, so that they fit
// together. A change of the order makes the list outdated: what is shown stays in place,
// and the next generation replaces it when the user asks for it, or scrolls to a page that
// is not loaded.

import type { ConversationListItem } from '../app/api';
import type { InboxEvent } from '../app/events';

export type Row = ConversationListItem;

export const PAGE_ROWS = 50;
/** Rows before and after the visible ones that are loaded with them. */
const OVERSCAN_ROWS = 15;
/** Pages that stay in memory. */
const MAX_PAGES = 40;
/** How long a far jump waits for the next one, such as while the scroll bar is dragged. */
const JUMP_DELAY_MS = 40;

export interface LoadedPage {
  total: number;
  rows: Row[];
  /** The search index lacks messages. */
  isIncomplete: boolean;
}

export interface PagesOptions {
  load(offset: number, limit: number, signal: AbortSignal): Promise<LoadedPage>;
  compare(a: Row, b: Row): number;
  /** Whether the list has the row; null: only the server knows. */
  matches(row: Row): boolean | null;
}

/** The change of the position of the first visible row. */
export interface Shift {
  rows: number;
  /** Which refresh it belongs to. */
  generation: number;
}

export interface Snapshot {
  /** Null: nothing was loaded yet. */
  total: number | null;
  pages: ReadonlyMap<number, readonly Row[]>;
  /** Rows that are new, or belong elsewhere. */
  newRows: number;
  /** The order of the list has changed. */
  isOutdated: boolean;
  isIncomplete: boolean;
  /** Why the visible rows could not be loaded. */
  error: unknown;
  shift: Shift;
}

export function rowAt({ pages }: Snapshot, index: number): Row | undefined {
  return pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
}

/** The pages with the rows from `first` to `last`, both included. */
export function pagesOf(first: number, last: number, total: number | null): number[] {
  const end = Math.max(0, Math.min(last, (total ?? Number.POSITIVE_INFINITY) - 1));
  const firstPage = Math.floor(Math.max(0, Math.min(first, end)) / PAGE_ROWS);
  const lastPage = Math.floor(end / PAGE_ROWS);
  return Array.from({ length: lastPage - firstPage + 1 }, (_, i) => firstPage + i);
}

export class ConversationPages {
  private snapshot: Snapshot = {
    total: null,
    pages: new Map(),
    newRows: 0,
    isOutdated: false,
    isIncomplete: false,
    error: null,
    shift: { rows: 0, generation: 0 },
  };
  private first = 0;
  private last = 0;
  private generation = 0;
  private readonly loads = new Map<number, AbortController>();
  /** The pages of the next generation that have arrived. */
  private next: Map<number, LoadedPage> | null = null;
  /** The conversations whose place has changed; false: the list does not have them any more. */
  private readonly changes = new Map<string, boolean>();
  private isDisconnected = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly options: PagesOptions) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getSnapshot = (): Snapshot => this.snapshot;

  /** Loads the rows from `first` to `last` and some around them. */
  show(first: number, last: number): void {
    const isJump = first > this.last + OVERSCAN_ROWS || last < this.first - OVERSCAN_ROWS;
    [this.first, this.last] = [first, last];
    clearTimeout(this.timer);
    if (isJump) this.timer = setTimeout(() => this.loadVisible(), JUMP_DELAY_MS);
    else this.loadVisible();
  }

  /** Loads the visible rows again. They are replaced when all of them have arrived. */
  refresh(): void {
    this.generation += 1;
    this.next = new Map();
    this.changes.clear();
    this.isDisconnected = false;
    this.abort(() => true);
    this.loadVisible();
  }

  /** Loads what failed. */
  retry(): void {
    this.publish({ error: null });
    this.loadVisible();
  }

  close(): void {
    clearTimeout(this.timer);
    this.abort(() => true);
  }

  private needed(): number[] {
    const { total } = this.snapshot;
    return pagesOf(this.first - OVERSCAN_ROWS, this.last + OVERSCAN_ROWS, total);
  }

  private loadVisible(): void {
    const needed = this.needed();
    this.abort((page) => !needed.includes(page));
    const loaded = this.next ?? this.snapshot.pages;
    const missing = needed.filter((page) => !loaded.has(page));
    if (missing.length > 0 && !this.next && this.isOutdated()) {
      this.refresh();
      return;
    }
    for (const page of missing) if (!this.loads.has(page)) void this.load(page);
    if (this.next && missing.length === 0) this.replace(this.next);
  }

  private abort(condition: (page: number) => boolean): void {
    for (const [page, controller] of this.loads) {
      if (!condition(page)) continue;
      controller.abort();
      this.loads.delete(page);
    }
  }

  private async load(page: number): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.loads.set(page, controller);
    try {
      const loaded = await this.options.load(page * PAGE_ROWS, PAGE_ROWS, signal);
      if (signal.aborted) return;
      this.loads.delete(page);
      if (this.next) this.next.set(page, loaded);
      else this.add(page, loaded);
    } catch (error) {
      if (signal.aborted) return;
      this.loads.delete(page);
      this.publish({ error });
      return;
    }
    if (this.next) this.loadVisible();
  }

  private add(page: number, { total, rows, isIncomplete }: LoadedPage): void {
    const pages = new Map(this.snapshot.pages).set(page, rows);
    this.evict(pages);
    this.publish({ total, pages, isIncomplete, error: null });
  }

  /** Forgets the pages that are farthest from the visible rows. */
  private evict(pages: Map<number, readonly Row[]>): void {
    if (pages.size <= MAX_PAGES) return;
    const center = (this.first + this.last) / 2 / PAGE_ROWS;
    const farthest = [...pages.keys()].sort((a, b) => Math.abs(b - center) - Math.abs(a - center));
    for (const page of farthest.slice(0, pages.size - MAX_PAGES)) pages.delete(page);
  }

  /** Shows the next generation. */
  private replace(next: ReadonlyMap<number, LoadedPage>): void {
    const newest = [...next.values()].at(-1);
    const pages = new Map([...next].map(([page, { rows }]) => [page, rows] as const));
    const shift = { rows: this.shiftTo(pages), generation: this.generation };
    this.next = null;
    const { total = 0, isIncomplete = false } = newest ?? {};
    this.publish({ total, pages, isIncomplete, error: null, shift });
  }

  /** By how many rows the first visible row that is still there moves. */
  private shiftTo(pages: ReadonlyMap<number, readonly Row[]>): number {
    const positions = new Map<string, number>();
    for (const [page, rows] of pages) {
      for (const [i, { id }] of rows.entries()) positions.set(id, page * PAGE_ROWS + i);
    }
    for (let index = this.first; index <= this.last; index += 1) {
      const row = rowAt(this.snapshot, index);
      const position = row && !this.changes.has(row.id) ? positions.get(row.id) : undefined;
      if (position !== undefined) return position - index;
    }
    return 0;
  }

  /** The position of a loaded conversation, or -1. */
  indexOf(id: string): number {
    for (const [page, rows] of this.snapshot.pages) {
      const i = rows.findIndex((row) => row.id === id);
      if (i >= 0) return page * PAGE_ROWS + i;
    }
    return -1;
  }

  receive(event: InboxEvent): void {
    switch (event.type) {
      case 'conversation_created':
      case 'conversation_updated':
        this.receiveRow(event.conversation, event.type === 'conversation_created');
        break;
      case 'new_message':
      case 'message_done':
        this.change(event.chatId, ({ isUnread }) => ({
          lastMessage: event.message,
          lastInteractionAt: event.message.createdAt,
          lastInterationAt: event.message.createdAt,
          isUnread: isUnread || event.message.role === 'user',
        }));
        break;
      case 'waiting':
        this.change(event.chatId, () => ({
          waitingSince: event.waitingSince,
          waitingReason: event.reason,
        }));
        break;
      case 'conversation_deleted':
        this.mark(event.chatId, false);
        break;
      case 'resync':
        this.isDisconnected = true;
        this.publish({});
        break;
    }
  }

  private receiveRow(row: Row, isNew: boolean): void {
    if (this.indexOf(row.id) >= 0) {
      this.change(
        row.id,
        (old) => ({ ...row, visitor: row.visitor ?? old.visitor }) as Partial<Row>,
      );
      return;
    }
    if (this.snapshot.total === null) return;
    const isMatch = this.options.matches(row);
    // The row may have left the list, at a place that is not loaded.
    if (isMatch === false && !isNew) this.mark(row.id, false);
    if (isMatch && this.isBeforeEnd(row)) this.mark(row.id, true);
  }

  /** Whether the row belongs before the last row that is loaded. */
  private isBeforeEnd(row: Row): boolean {
    const { pages, total } = this.snapshot;
    const lastPage = Math.max(...pages.keys());
    const last = pages.get(lastPage)?.at(-1);
    const isEnd = (lastPage + 1) * PAGE_ROWS >= (total ?? 0);
    return !last || isEnd || this.options.compare(row, last) < 0;
  }

  /** Changes a row in place, and notes whether it belongs elsewhere now. */
  private change(id: string, changes: (row: Row) => Partial<Row>): void {
    const index = this.indexOf(id);
    const old = index < 0 ? undefined : rowAt(this.snapshot, index);
    if (!old) return;
    const row = { ...old, ...changes(old) };
    const page = Math.floor(index / PAGE_ROWS);
    const rows = [...(this.snapshot.pages.get(page) ?? [])];
    rows[index % PAGE_ROWS] = row;
    this.publish({ pages: new Map(this.snapshot.pages).set(page, rows) });
    if (this.options.matches(row) === false) this.mark(id, false);
    else if (this.isInPlace(index, row)) this.unmark(id);
    else this.mark(id, true);
  }

  private isInPlace(index: number, row: Row): boolean {
    const [before, after] = [rowAt(this.snapshot, index - 1), rowAt(this.snapshot, index + 1)];
    const { compare } = this.options;
    return (!before || compare(before, row) < 0) && (!after || compare(row, after) < 0);
  }

  private mark(id: string, isInList: boolean): void {
    this.changes.set(id, isInList);
    this.publish({});
  }

  private unmark(id: string): void {
    if (this.changes.delete(id)) this.publish({});
  }

  private isOutdated(): boolean {
    return this.changes.size > 0 || this.isDisconnected;
  }

  private publish(changes: Partial<Snapshot>): void {
    const newRows = [...this.changes.values()].filter(Boolean).length;
    const isOutdated = this.isOutdated();
    this.snapshot = { ...this.snapshot, newRows, isOutdated, ...changes };
    for (const listener of this.listeners) listener();
  }
}
