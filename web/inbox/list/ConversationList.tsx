import {
  type Ref,
  useEffect,
  useEffectEvent,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { BASE_PATH, navigate, withQuery } from '../app/router';
import { conversationPath } from '../app/routes';
import { Button, EmptyState, ErrorState, LinkButton, Notice } from '../ui';
import styles from './ConversationList.module.css';
import { ConversationRow, LoadingRow, ROW_PX } from './ConversationRow';
import { DEFAULT_FILTERS, type Filters, filterQuery, POSITION_PARAMETER } from './filters';
import { PositionBar } from './PositionBar';
import { type Row, rowAt, type Snapshot } from './pages';
import { useConversationPages } from './useConversationPages';
import { useListScroll } from './useListScroll';

/** Placeholders until the first page is here. */
const LOADING_ROWS = 20;
/** Between two updates of a list that nobody points at. */
const REFRESH_DELAY_MS = 800;
/** Until the address has the position. */
const POSITION_DELAY_MS = 400;

export interface ListHandle {
  /** Moves the cursor by `rows`, and returns the conversation there, if it is loaded. */
  moveCursor(rows: number): Row | null;
  /** The conversation at the cursor. */
  cursorRow(): Row | null;
  focus(): void;
}

export interface ConversationListProps {
  filters: Filters;
  /** The query of the addresses of the rows. */
  search: string;
  openId: string | null;
  handle: Ref<ListHandle>;
}

/** The rows of the list. It begins again when the filters change. */
export function ConversationList({ filters, search, openId, handle }: ConversationListProps) {
  const [pages, snapshot] = useConversationPages(filters);
  const area = useRef<HTMLDivElement>(null);
  const total = snapshot.total ?? LOADING_ROWS;
  const scroll = useListScroll(area, total);
  const [cursor, setCursor] = useState<{ index: number; id: string | null } | null>(null);
  const [isPointed, setPointed] = useState(false);

  // The list begins at the position of the address. Its length has to be known for that.
  const [start] = useState(positionInAddress);
  const [isPlaced, setPlaced] = useState(false);
  useLayoutEffect(() => {
    if (isPlaced || snapshot.total === null) return;
    setPlaced(true);
    if (start > 0) scroll.showAtTop(start);
  });

  const first = isPlaced ? scroll.first : start;
  const last = first + scroll.last - scroll.first;
  useEffect(() => pages.show(first, last), [pages, first, last]);
  usePositionInAddress(isPlaced ? first : null);

  // Rows that came in before the visible ones do not move these.
  const applyShift = useEffectEvent((rows: number) => {
    if (!scroll.isAtTop) scroll.shift(rows);
    if (cursor?.id) {
      const index = pages.indexOf(cursor.id);
      if (index >= 0) setCursor({ index, id: cursor.id });
    }
  });
  const { shift } = snapshot;
  useLayoutEffect(() => {
    if (shift.generation > 0) applyShift(shift.rows);
  }, [shift]);

  // A list that nobody points at or reads further down follows the changes.
  const canFollow = snapshot.isOutdated && scroll.isAtTop && !isPointed && !snapshot.error;
  useEffect(() => {
    if (!canFollow) return;
    const timer = setTimeout(() => {
      if (!area.current?.querySelector(':focus-visible')) pages.refresh();
    }, REFRESH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [canFollow, pages]);

  const moveCursor = (rows: number): Row | null => {
    const openIndex = openId ? pages.indexOf(openId) : -1;
    const start = openIndex >= 0 ? openIndex : (cursor?.index ?? (rows > 0 ? first - 1 : first));
    const index = Math.max(0, Math.min(start + rows, total - 1));
    const row = rowAt(snapshot, index) ?? null;
    setCursor({ index, id: row?.id ?? null });
    scroll.reveal(index);
    return row;
  };
  const focusRow = (index: number) => {
    area.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus();
  };
  useImperativeHandle(handle, () => ({
    moveCursor,
    cursorRow: () => (cursor ? (rowAt(snapshot, cursor.index) ?? null) : null),
    focus: () => focusRow(cursor?.index ?? first),
  }));

  const showNew = () => {
    scroll.showAtTop(0);
    pages.refresh();
  };
  const indexes = Array.from(
    { length: Math.max(0, Math.min(scroll.last, total - 1) - scroll.first + 1) },
    (_, i) => scroll.first + i,
  );
  return (
    <>
      <div className={styles.frame}>
        <NewRows snapshot={snapshot} onPress={showNew} />
        {snapshot.isIncomplete && (
          <div className={styles.notice}>
            <Notice kind="info">The search index is being built. Results may be missing.</Notice>
          </div>
        )}
        <div
          ref={area}
          className={styles.area}
          onScroll={scroll.onScroll}
          onPointerEnter={() => setPointed(true)}
          onPointerLeave={() => setPointed(false)}
        >
          {snapshot.total === 0 ? (
            <NoRows filters={filters} />
          ) : snapshot.error && snapshot.total === null ? (
            <ErrorState error={snapshot.error} onRetry={() => pages.retry()} />
          ) : (
            <ul
              className={styles.rows}
              style={{ height: scroll.height }}
              aria-label="Conversations"
              aria-busy={snapshot.total === null}
            >
              {indexes.map((index) => {
                const row = rowAt(snapshot, index);
                const top = index * ROW_PX - scroll.delta;
                if (!row) return <LoadingRow key={index} top={top} />;
                return (
                  <ConversationRow
                    key={index}
                    row={row}
                    index={index}
                    total={total}
                    top={top}
                    href={conversationPath(row.id) + search}
                    isOpen={row.id === openId}
                    isCursor={cursor?.index === index}
                  />
                );
              })}
            </ul>
          )}
        </div>
      </div>
      {snapshot.error !== null && snapshot.total !== null && (
        <div className={styles.failure} role="alert">
          The list could not be updated.
          <Button size="small" icon="refresh" onPress={() => pages.retry()}>
            Try again
          </Button>
        </div>
      )}
      {snapshot.total !== null && snapshot.total > 0 && (
        <PositionBar
          first={first}
          last={Math.min(last, total - 1)}
          total={snapshot.total}
          onJump={scroll.showAtTop}
        />
      )}
    </>
  );
}

/** The row of the address, beginning with 0. */
function positionInAddress(): number {
  const position = Number(new URLSearchParams(location.search).get(POSITION_PARAMETER));
  return Number.isSafeInteger(position) && position > 0 ? position - 1 : 0;
}

/** Keeps the position of the first visible row in the address. */
function usePositionInAddress(first: number | null): void {
  useEffect(() => {
    if (first === null) return;
    const timer = setTimeout(() => {
      const position = first > 0 ? String(first + 1) : null;
      const search = withQuery(location.search, { [POSITION_PARAMETER]: position });
      navigate(location.pathname + search, { replace: true });
    }, POSITION_DELAY_MS);
    return () => clearTimeout(timer);
  }, [first]);
}

/** Announces rows that are shown when the user asks for them. */
function NewRows({ snapshot, onPress }: { snapshot: Snapshot; onPress: () => void }) {
  const { newRows } = snapshot;
  return (
    <div className={styles.newRows} role="status">
      {newRows > 0 && (
        <Button variant="primary" size="small" icon="arrowUp" onPress={onPress}>
          {newRows} new
        </Button>
      )}
    </div>
  );
}

function NoRows({ filters }: { filters: Filters }) {
  const all = { view: 'all', isHumanHandled: null, text: '' } as const;
  if (filters.text) {
    return (
      <EmptyState
        icon="search"
        title="Nothing found"
        text="No conversation has all of these words."
      >
        <LinkButton href={BASE_PATH + withQuery('', filterQuery({ ...filters, ...all }))}>
          Show all conversations
        </LinkButton>
      </EmptyState>
    );
  }
  if (filters.view === 'waiting') {
    return (
      <EmptyState
        icon="check"
        title="Nobody is waiting"
        text="Conversations appear here when a visitor asks for a person, leaves contact details, or two answers in a row did not help."
      />
    );
  }
  const isFiltered = filters.view !== 'all' || filters.isHumanHandled !== null;
  if (!isFiltered) {
    return (
      <EmptyState
        icon="message"
        title="No conversations yet"
        text="They appear here as soon as visitors of the website write."
      >
        <LinkButton href={`${BASE_PATH}/keys`}>Put the chat on a page</LinkButton>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="inbox"
      title="No conversations here"
      text="Other parts of the inbox may have some."
    >
      <LinkButton href={BASE_PATH + withQuery('', filterQuery({ ...DEFAULT_FILTERS, ...all }))}>
        Show all conversations
      </LinkButton>
    </EmptyState>
  );
}
