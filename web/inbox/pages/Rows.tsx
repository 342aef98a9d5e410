// The rows of a card: accounts, keys, sessions.

import type { ReactNode } from 'react';
import styles from './Rows.module.css';

export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className={styles.rows} aria-label={label}>
      {children}
    </ul>
  );
}

export interface RowProps {
  /** A picture before the text. */
  start?: ReactNode;
  title: ReactNode;
  details?: ReactNode;
  /** Buttons at the end. */
  actions?: ReactNode;
  /** Below the row, in its full width. */
  children?: ReactNode;
}

export function Row({ start, title, details, actions, children }: RowProps) {
  return (
    <li className={styles.row}>
      {start}
      <div className={styles.main}>
        <div className={styles.title}>{title}</div>
        {details && <div className={styles.details}>{details}</div>}
        {children && <div className={styles.below}>{children}</div>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </li>
  );
}
