import { useEffect, useRef } from 'react';
import { errorText } from '../../app/errors';
import { Button, classes } from '../../ui';
import styles from './SavedReplyList.module.css';
import type { SavedReplyPicker } from './useSavedReplyPicker';

export interface SavedReplyListProps {
  picker: SavedReplyPicker;
  onManage: () => void;
}

/** The saved replies above the input field, which keeps the focus. */
export function SavedReplyList({ picker, onManage }: SavedReplyListProps) {
  const { listId, replies, index, isPending, error, choose } = picker;
  const active = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another option is active
  useEffect(() => {
    active.current?.scrollIntoView({ block: 'nearest' });
  }, [index]);
  return (
    <div className={styles.popover}>
      <div id={listId} role="listbox" aria-label="Saved replies" className={styles.list}>
        {replies.map((reply, position) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input field has the keys
          <div
            key={reply.id}
            id={`${listId}-${position}`}
            ref={position === index ? active : null}
            role="option"
            tabIndex={-1}
            aria-selected={position === index}
            className={classes(styles.option, position === index && styles.active)}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(reply)}
          >
            <span className={styles.name}>{reply.name}</span>
            <span className={styles.text}>{reply.text}</span>
          </div>
        ))}
      </div>
      <p className={styles.status} role="status">
        {statusText(picker)}
      </p>
      {!isPending && !error && (
        <div className={styles.foot}>
          <Button size="small" variant="quiet" icon="settings" onPress={onManage}>
            Manage saved replies
          </Button>
        </div>
      )}
    </div>
  );
}

function statusText({ isPending, error, isEmpty, replies }: SavedReplyPicker): string {
  if (error) return errorText(error);
  if (isPending) return 'Loading…';
  if (isEmpty) return 'There are no saved replies yet.';
  if (replies.length === 0) return 'No saved reply matches.';
  return replies.length === 1 ? '1 saved reply' : `${replies.length} saved replies`;
}
