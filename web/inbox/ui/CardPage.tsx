import type { ReactNode } from 'react';
import favicon from '../../pages/favicon.svg?no-inline';
import styles from './Card.module.css';
import { classes } from './classes';

export interface CardPageProps {
  title: string;
  text?: ReactNode;
  isWide?: boolean;
  /** Above the title. */
  header?: ReactNode;
  children?: ReactNode;
}

/** A page outside of the inbox, such as the one to sign in. */
export function CardPage({ title, text, isWide = false, header, children }: CardPageProps) {
  return (
    <main className={styles.page}>
      <div className={classes(styles.card, isWide && styles.wide)}>
        {header ?? <img src={favicon} alt="" width="44" height="44" />}
        <div>
          <h1 className={styles.title} tabIndex={-1}>
            {title}
          </h1>
          {text && <p className={styles.text}>{text}</p>}
        </div>
        {children}
      </div>
    </main>
  );
}
