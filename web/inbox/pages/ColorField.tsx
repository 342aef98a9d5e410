import { TextField } from '../ui';
import styles from './ColorField.module.css';

export interface ColorFieldProps {
  label: string;
  /** A colour such as #1f6f5c; null: not set. */
  value: string | null;
  onChange: (value: string | null) => void;
  placeholder?: string;
  errorMessage?: string | undefined;
}

/** A colour as text, and the picker of the browser. */
export function ColorField({ label, value, onChange, placeholder, errorMessage }: ColorFieldProps) {
  const picked = /^#[0-9a-f]{6}$/i.test(value ?? '') ? (value as string) : '#808080';
  return (
    <div className={styles.field}>
      <TextField
        className={styles.text}
        label={label}
        value={value ?? ''}
        placeholder={placeholder ?? ''}
        onChange={(text) => onChange(text.trim() || null)}
        errorMessage={errorMessage}
      />
      <input
        type="color"
        className={styles.swatch}
        aria-label={`Pick: ${label}`}
        value={picked}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
