import { type ReactNode, useState } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { errorText } from '../app/errors';
import { Button } from './Button';
import { classes } from './classes';
import styles from './Dialog.module.css';
import { Notice } from './Notice';

export interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  isWide?: boolean;
  /** The user must choose one of the actions. */
  role?: 'dialog' | 'alertdialog';
  children: ReactNode;
}

/** A window above the page. Its last child is usually `DialogActions`. */
export function Dialog({ title, isOpen, onClose, isWide, role = 'dialog', children }: DialogProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable={role === 'dialog'}
      className={styles.overlay ?? ''}
    >
      <Modal className={classes(styles.modal, isWide && styles.wide)}>
        <AriaDialog role={role} className={styles.dialog ?? ''}>
          <Heading slot="title" className={styles.heading ?? ''}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** The buttons of a dialog, the one that cancels first. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <div className={styles.actions}>{children}</div>;
}

export interface ConfirmDialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** The text of the button, a verb. */
  action: string;
  isDangerous?: boolean;
  /** The dialog closes when the promise is fulfilled, and shows the error if it is rejected. */
  onConfirm: () => Promise<unknown>;
  children?: ReactNode;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, isOpen, onClose, action, isDangerous = false, onConfirm, children } = props;
  const [isPending, setPending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const close = () => {
    setError(null);
    onClose();
  };
  const confirm = async () => {
    setPending(true);
    try {
      await onConfirm();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setPending(false);
    }
  };
  return (
    <Dialog title={title} isOpen={isOpen} onClose={close} role="alertdialog">
      {children}
      {error !== null && <Notice kind="error">{errorText(error)}</Notice>}
      <DialogActions>
        <Button onPress={close}>Cancel</Button>
        <Button
          variant={isDangerous ? 'danger' : 'primary'}
          isPending={isPending}
          onPress={() => void confirm()}
        >
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
