import { IconButton } from './Button';
import styles from './CopyField.module.css';
import { toast } from './Toast';

export interface CopyFieldProps {
  /** What the text is, for the button that copies it. */
  label: string;
  text: string;
}

/** A text to be copied, such as a key or a script tag. */
export function CopyField({ label, text }: CopyFieldProps) {
  const copy = () => {
    navigator.clipboard
      .writeText(text)
      .then(() => toast.success(`Copied: ${label}`))
      .catch(() => toast.error('The browser does not allow copying. Select the text instead.'));
  };
  return (
    <div className={styles.field}>
      <code className={styles.text}>{text}</code>
      <IconButton icon="copy" label={`Copy: ${label}`} size="small" onPress={copy} />
    </div>
  );
}
