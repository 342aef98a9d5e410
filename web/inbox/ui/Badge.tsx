import type { ReactNode } from 'react';
import styles from './Badge.module.css';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';

export interface BadgeProps {
  kind?: 'neutral' | 'warning' | 'success' | 'danger' | 'accent' | 'note';
  icon?: IconName;
  children: ReactNode;
}

/** A short word about the state of something. */
export function Badge({ kind = 'neutral', icon, children }: BadgeProps) {
  return (
    <span className={classes(styles.badge, kind !== 'neutral' && styles[kind])}>
      {icon && <Icon name={icon} size={13} />}
      {children}
    </span>
  );
}
