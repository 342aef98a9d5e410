// What a page shows instead of its content.

import type { ReactNode } from 'react';
import { errorText } from '../app/errors';
import { Button } from './Button';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';
import { Spinner } from './Spinner';
import styles from './States.module.css';

export interface EmptyStateProps {
  icon: IconName;
  title: string;
  /** What the user can do about it. */
  text?: ReactNode;
  /** Buttons. */
  children?: ReactNode;
}

/** There is nothing to show. */
export function EmptyState({ icon, title, text, children }: EmptyStateProps) {
  return (
    <div className={styles.state}>
      <span className={styles.symbol}>
        <Icon name={icon} size={24} />
      </span>
      <p className={styles.title}>{title}</p>
      {text && <p className={styles.text}>{text}</p>}
      {children && <div className={styles.actions}>{children}</div>}
    </div>
  );
}

export interface ErrorStateProps {
  error: unknown;
  title?: string;
  onRetry?: (() => void) | undefined;
}

/** The content could not be read. */
export function ErrorState({
  error,
  title = 'This could not be loaded',
  onRetry,
}: ErrorStateProps) {
  return (
    <div className={classes(styles.state, styles.error)} role="alert">
      <span className={styles.symbol}>
        <Icon name="alert" size={24} />
      </span>
      <p className={styles.title}>{title}</p>
      <p className={styles.text}>{errorText(error)}</p>
      {onRetry && (
        <div className={styles.actions}>
          <Button icon="refresh" onPress={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

/** The content is on its way. Appears only if that takes a moment. */
export function LoadingState({ label = 'Loading' }: { label?: string }) {
  return (
    <div className={classes(styles.state, styles.loading)} role="status">
      <Spinner size={26} />
      <p className={styles.text}>{label}…</p>
    </div>
  );
}

/** A grey bar in place of a text that is on its way. */
export function Skeleton({ width, height = 12 }: { width: string | number; height?: number }) {
  return <span className={styles.skeleton} style={{ width, height }} aria-hidden="true" />;
}
