import { memo } from 'react';
import { readableText } from '../../shared/markdown/parse';
import { textOf } from '../../shared/message-text';
import type { ConversationListItem, WaitingReason } from '../app/api';
import { Link } from '../app/router';
import { Avatar, Badge, classes, Skeleton, Time, useNow, VisuallyHidden } from '../ui';
import { formatDuration } from '../ui/Time';
import styles from './ConversationRow.module.css';
import { lastAuthor, visitorName } from './people';

/** The height of a row, in pixels. */
export const ROW_PX = 80;

/** More of a message does not fit into its line. */
const MAX_PREVIEW_LENGTH = 240;

const REASONS: Record<WaitingReason, string> = {
  requested: 'The visitor asked for a person',
  contact: 'The visitor left contact details',
  unanswered: 'Two answers in a row did not help',
};

export interface ConversationRowProps {
  row: ConversationListItem;
  index: number;
  total: number;
  /** From the top of the scroll area. */
  top: number;
  href: string;
  /** The conversation is open. */
  isOpen: boolean;
  /** The keys j and k have reached the row. */
  isCursor: boolean;
}

export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { row, index, total, top, href, isOpen, isCursor } = props;
  const name = visitorName(row.visitor, row.id);
  const style = { transform: `translateY(${top}px)`, height: ROW_PX };
  return (
    <li className={styles.row} style={style} aria-posinset={index + 1} aria-setsize={total}>
      <Link
        href={href}
        data-index={index}
        aria-current={isOpen ? 'page' : undefined}
        className={classes(
          styles.link,
          isCursor && styles.cursor,
          row.isUnread && styles.unread,
          row.status === 'closed' && styles.closed,
        )}
      >
        <Avatar
          name={row.visitor?.name ?? null}
          url={row.visitor?.avatarUrl}
          seed={row.visitor?.id ?? row.id}
          size={36}
        />
        <span className={styles.content}>
          <span className={styles.line}>
            <span className={styles.name}>{name}</span>
            {row.isUnread && <VisuallyHidden>, unread</VisuallyHidden>}
            <span className={styles.time}>
              <Time value={row.lastInteractionAt} />
            </span>
          </span>
          <span className={styles.line}>
            <span className={styles.title}>
              {row.title ?? (previewOf(row) || 'No messages yet')}
            </span>
            {row.isUnread && <span className={styles.dot} />}
          </span>
          <span className={styles.line}>
            <span className={styles.preview}>{row.title && previewOf(row)}</span>
            <State row={row} />
          </span>
        </span>
      </Link>
    </li>
  );
});

function previewOf(row: ConversationListItem): string {
  if (!row.lastMessage) return '';
  const text = textOf(row.lastMessage).slice(0, MAX_PREVIEW_LENGTH);
  return lastAuthor(row) + readableText(text);
}

function State({ row }: { row: ConversationListItem }) {
  const now = useNow();
  if (row.waitingSince) {
    const duration = formatDuration(now - Date.parse(row.waitingSince));
    return (
      <span title={row.waitingReason ? REASONS[row.waitingReason] : undefined}>
        <Badge kind="warning" icon="clock">
          Waiting {duration === 'now' ? '' : duration}
        </Badge>
      </span>
    );
  }
  if (row.status === 'closed') return <Badge icon="check">Closed</Badge>;
  if (row.isHumanHandled) {
    return (
      <Badge kind="accent" icon="user">
        {row.humanAgent?.name?.split(' ')[0] ?? 'Agent'}
      </Badge>
    );
  }
  return null;
}

/** A row that is on its way. */
export function LoadingRow({ top }: { top: number }) {
  return (
    <li
      className={styles.row}
      style={{ transform: `translateY(${top}px)`, height: ROW_PX }}
      aria-hidden="true"
    >
      <span className={styles.link}>
        <span className={styles.circle} />
        <span className={classes(styles.content, styles.loading)}>
          <Skeleton width="38%" />
          <Skeleton width="80%" />
          <Skeleton width="62%" />
        </span>
      </span>
    </li>
  );
}
