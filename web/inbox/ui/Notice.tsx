import type { ReactNode } from 'react';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';
import styles from './Notice.module.css';

export type NoticeKind = 'error' | 'warning' | 'success' | 'info';

const ICONS: Record<NoticeKind, IconName> = {
  error: 'alert',
  warning: 'alert',
  success: 'check',
  info: 'info',
};

/** A coloured box with a short text. Screen readers say errors at once. */
export function Notice({ kind, children }: { kind: NoticeKind; children: ReactNode }) {
  return (
    <div
      className={classes(styles.notice, styles[kind])}
      role={kind === 'error' ? 'alert' : undefined}
    >
      <Icon name={ICONS[kind]} size={18} />
      <div className={styles.content}>{children}</div>
    </div>
  );
}
