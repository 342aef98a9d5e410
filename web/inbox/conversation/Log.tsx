import { Fragment, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Note, Visitor } from '../app/api';
import { Button, Icon, VisuallyHidden } from '../ui';
import type { buildTimeline, TimelineRow } from './data/timeline';
import type { Typists } from './data/useTyping';
import styles from './Log.module.css';
import { Bubble, Dots, MessageItem, NoteItem } from './MessageItem';
import { PendingItem, type PendingItemProps } from './PendingItem';
import { formatDay } from './times';
import { useEndOfLog } from './useEndOfLog';

/** The rows that are drawn at first. */
const FIRST_ROWS = 60;
/** The rows that are added when the reader comes near the oldest one. */
const MORE_ROWS = 100;
const NEAR_START_PX = 800;
/** The newest messages that the API returns. */
const MAX_MESSAGES = 1_000;

export interface LogProps extends Omit<PendingItemProps, 'entry' | 'startsGroup'> {
  timeline: ReturnType<typeof buildTimeline>;
  messageCount: number;
  visitor: Visitor | undefined;
  typists: Typists;
  onDeleteNote: (note: Note) => void;
}

/** The messages, newest at the bottom. Old ones are drawn when the reader scrolls to them. */
export function Log({ timeline, messageCount, visitor, typists, ...actions }: LogProps) {
  /** The oldest row that is drawn. It stays the same when rows are added at the end. */
  const [anchor, setAnchor] = useState(() => timeline.at(-FIRST_ROWS)?.id);
  const start = Math.max(
    0,
    timeline.findIndex(({ id }) => id === anchor),
  );
  const rows = useMemo(() => timeline.slice(start), [timeline, start]);
  const log = useRef<HTMLDivElement>(null);
  const lastOwn = timeline.findLast(({ kind }) => kind === 'pending')?.id;
  const { isAtEnd, unseen, follow, scrollToEnd } = useEndOfLog(log, timeline.length, lastOwn);
  const keepPlace = useKeptPlace(log, start);
  const onScroll = () => {
    follow();
    if (start === 0 || (log.current?.scrollTop ?? 0) > NEAR_START_PX) return;
    keepPlace();
    setAnchor(timeline[Math.max(0, start - MORE_ROWS)]?.id);
  };
  return (
    <div className={styles.frame}>
      <div
        ref={log}
        className={styles.log}
        role="log"
        aria-live="off"
        aria-label="Messages"
        tabIndex={0}
        onScroll={onScroll}
      >
        <div className={styles.rows}>
          {messageCount >= MAX_MESSAGES && start === 0 && (
            <p className={styles.limit}>
              These are the newest 1,000 messages. An export has the older ones.
            </p>
          )}
          {rows.map((row) => (
            <Fragment key={row.id}>
              {row.startsDay && <Day timestamp={row.createdAt} />}
              <Row row={row} visitor={visitor} {...actions} />
            </Fragment>
          ))}
          {timeline.length === 0 && (
            <p className={styles.limit}>The visitor has not written anything yet.</p>
          )}
          {typists.isVisitorTyping && <VisitorTyping visitor={visitor} />}
        </div>
      </div>
      {!isAtEnd && (
        <div className={styles.toEnd}>
          <Button size="small" icon="arrowDown" onPress={scrollToEnd}>
            {unseen > 0 ? `${unseen} new` : 'Newest'}
            <VisuallyHidden> messages</VisuallyHidden>
          </Button>
        </div>
      )}
    </div>
  );
}

/** Keeps what the reader sees in place while rows are added above. */
function useKeptPlace(log: React.RefObject<HTMLDivElement | null>, start: number): () => void {
  const distance = useRef<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are added when `start` changes
  useLayoutEffect(() => {
    const element = log.current;
    if (element && distance.current !== null) {
      element.scrollTop = element.scrollHeight - distance.current;
    }
    distance.current = null;
  }, [start]);
  return () => {
    const element = log.current;
    if (element) distance.current = element.scrollHeight - element.scrollTop;
  };
}

function Day({ timestamp }: { timestamp: string }) {
  return (
    <div className={styles.day}>
      <time dateTime={timestamp.slice(0, 10)}>{formatDay(timestamp)}</time>
    </div>
  );
}

type RowProps = Pick<LogProps, 'visitor' | 'onDeleteNote'> &
  Omit<PendingItemProps, 'entry' | 'startsGroup'> & { row: TimelineRow };

function Row({ row, visitor, onDeleteNote, ...actions }: RowProps) {
  const { startsGroup } = row;
  switch (row.kind) {
    case 'message':
      return (
        <MessageItem
          message={row.message}
          visitor={visitor}
          startsGroup={startsGroup}
          showsPage={row.showsPage}
        />
      );
    case 'note':
      return <NoteItem note={row.note} startsGroup={startsGroup} onDelete={onDeleteNote} />;
    case 'pending':
      return <PendingItem entry={row.entry} startsGroup={startsGroup} {...actions} />;
  }
}

function VisitorTyping({ visitor }: { visitor: Visitor | undefined }) {
  const person = {
    name: visitor?.name ?? 'Visitor',
    picture: <Icon name="edit" size={16} />,
  };
  return (
    <Bubble
      kind="user"
      person={person}
      createdAt={new Date().toISOString()}
      startsGroup={false}
      state="typing"
    >
      <Dots label="The visitor is writing" />
    </Bubble>
  );
}
