import { IconButton } from './Button';
import styles from './CopyField.module.css';
import { copyText } from './copy-text';

export interface CopyFieldProps {
  /** What the text is, for the button that copies it. */
  label: string;
  text: string;
}

/** A text to be copied, such as a key or a script tag. */
export function CopyField({ label, text }: CopyFieldProps) {
  const copy = () => void copyText(label, text);
  return (
    <div className={styles.field}>
      <code className={styles.text}>{text}</code>
      <IconButton icon="copy" label={`Copy: ${label}`} size="small" onPress={copy} />
    </div>
  );
}
