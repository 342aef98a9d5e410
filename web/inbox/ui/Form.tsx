import type { FormEvent, ReactNode } from 'react';
import { classes } from './classes';
import styles from './Form.module.css';
import { Notice } from './Notice';

export interface FormProps {
  onSubmit: () => void;
  error: string | null;
  isInDialog?: boolean;
  children: ReactNode;
}

/** Fields and their buttons. Enter in a field submits the form. */
export function Form({ onSubmit, error, isInDialog = false, children }: FormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form
      className={classes(styles.form, isInDialog && styles.inDialog)}
      onSubmit={submit}
      noValidate
    >
      {error !== null && <Notice kind="error">{error}</Notice>}
      {children}
    </form>
  );
}

/** The buttons of a form, beside each other. */
export function FormButtons({ children }: { children: ReactNode }) {
  return <div className={styles.buttons}>{children}</div>;
}
