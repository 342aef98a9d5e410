import type { OutboxEntry } from '../../shared/outbox';
import { errorText } from '../app/errors';
import { useMe } from '../app/session';
import { Avatar, Button, Icon } from '../ui';
import { isClosed, isTakenOver } from './data/reply-sender';
import { Markdown } from './Markdown';
import { Bubble } from './MessageItem';
import styles from './PendingItem.module.css';

export interface PendingItemProps {
  entry: OutboxEntry;
  startsGroup: boolean;
  errorOf: (key: string) => unknown;
  onRetry: (key: string) => void;
  /** Puts the text back into the input field. */
  onEdit: (entry: OutboxEntry) => void;
  onDiscard: (key: string) => void;
}

/** A reply that the server has not stored: it is being sent, or that failed. */
export function PendingItem({ entry, startsGroup, ...props }: PendingItemProps) {
  const { name, avatarUrl } = useMe();
  const person = { name, picture: <Avatar name={name} url={avatarUrl} size={28} /> };
  const { key, failed } = entry;
  const error = props.errorOf(key);
  return (
    <Bubble
      kind="human_agent"
      person={person}
      createdAt={entry.createdAt}
      startsGroup={startsGroup}
      state={failed ? 'unsent' : 'sending'}
      footer={
        failed ? (
          <div className={styles.problem} role="alert">
            <span className={styles.reason}>
              <Icon name="alert" size={14} />
              {problemText(error)}
            </span>
            {!isClosed(error) && (
              <Button size="small" onPress={() => props.onRetry(key)}>
                Try again
              </Button>
            )}
            <Button size="small" variant="quiet" onPress={() => props.onEdit(entry)}>
              Edit
            </Button>
            <Button size="small" variant="quiet" onPress={() => props.onDiscard(key)}>
              Discard
            </Button>
          </div>
        ) : (
          <p className={styles.sending}>Sending…</p>
        )
      }
    >
      <Markdown text={entry.content} />
    </Bubble>
  );
}

function problemText(error: unknown): string {
  if (error === undefined) return 'Not sent.';
  if (isTakenOver(error)) return 'Not sent. Another agent has taken over.';
  if (isClosed(error)) return 'Not sent. The conversation was closed.';
  return `Not sent. ${errorText(error)}`;
}
