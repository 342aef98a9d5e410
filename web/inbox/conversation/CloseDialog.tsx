import { type FormEvent, useState } from 'react';
import { errorText } from '../app/errors';
import { Button, Dialog, DialogActions, Notice, TextField } from '../ui';
import styles from './CloseDialog.module.css';

/** Reasons to choose from. */
const REASONS = ['Resolved', 'No answer from the visitor', 'Spam'];

export interface CloseDialogProps {
  isOpen: boolean;
  onCancel: () => void;
  /** The dialog stays open and shows the error if the promise is rejected. */
  onClose: (reason: string) => Promise<void>;
}

/** Asks for the reason before a conversation is closed. */
export function CloseDialog({ isOpen, onCancel, onClose }: CloseDialogProps) {
  return (
    <Dialog title="Close the conversation" isOpen={isOpen} onClose={onCancel}>
      <CloseForm onCancel={onCancel} onClose={onClose} />
    </Dialog>
  );
}

function CloseForm({ onCancel, onClose }: Omit<CloseDialogProps, 'isOpen'>) {
  const [reason, setReason] = useState('');
  const [isPending, setPending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setPending(true);
    setError(null);
    try {
      await onClose(reason.trim());
    } catch (failure) {
      setError(failure);
      setPending(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <p>The visitor sees that the conversation has ended and can begin a new one.</p>
      <div className={styles.reasons}>
        {REASONS.map((text) => (
          <button
            key={text}
            type="button"
            className={styles.reason}
            aria-pressed={reason === text}
            onClick={() => setReason(reason === text ? '' : text)}
          >
            {text}
          </button>
        ))}
      </div>
      <TextField
        label="Reason (optional)"
        value={reason}
        onChange={setReason}
        maxLength={MAX_REASON_CHARACTERS}
        autoFocus
      />
      {error !== null && <Notice kind="error">{errorText(error)}</Notice>}
      <DialogActions>
        <Button onPress={onCancel}>Cancel</Button>
        <Button type="submit" variant="primary" isPending={isPending}>
          Close the conversation
        </Button>
      </DialogActions>
    </form>
  );
}

/** The longest reason that the API accepts. */
const MAX_REASON_CHARACTERS = 256;
