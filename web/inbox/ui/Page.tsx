import type { ReactNode } from 'react';
import { usePageTitle } from '../app/title';
import styles from './Page.module.css';

export interface PageProps {
  /** The heading, also in the title of the tab. */
  title: string;
  description?: ReactNode;
  /** Buttons at the end of the heading. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page other than the list of conversations. */
export function Page({ title, description, actions, children }: PageProps) {
  usePageTitle(title);
  return (
    <div className={styles.page}>
      <div className={styles.inner}>
        <header className={styles.header}>
          <h1 className={styles.title}>{title}</h1>
          {actions && <div className={styles.actions}>{actions}</div>}
          {description && <p className={styles.description}>{description}</p>}
        </header>
        {children}
      </div>
    </div>
  );
}

export interface SectionProps {
  title?: string;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A card of a page. */
export function Section({ title, description, actions, children }: SectionProps) {
  return (
    <section className={styles.section}>
      {(title || actions) && (
        <header className={styles.sectionHeader}>
          {title && <h2 className={styles.sectionTitle}>{title}</h2>}
          {actions && <div className={styles.actions}>{actions}</div>}
          {description && <p className={styles.description}>{description}</p>}
        </header>
      )}
      {children}
    </section>
  );
}
