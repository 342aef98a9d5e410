import type { ComponentProps } from 'react';
import {
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastRegion as AriaToastRegion,
  Button,
  Text,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastList as ToastList,
  UNSTABLE_ToastQueue as ToastQueue,
} from 'react-aria-components';
import { errorText } from '../app/errors';
import { classes } from './classes';
import { Icon } from './Icon';
import styles from './Toast.module.css';

interface ToastMessage {
  kind: 'success' | 'error';
  text: string;
}
type Toast = NonNullable<ComponentProps<typeof AriaToast>['toast']> & { content: ToastMessage };

const MAX_TOASTS = 3;
/** Errors stay until they are closed. */
const SUCCESS_TIMEOUT_MS = 5_000;

const queue = new ToastQueue<ToastMessage>({ maxVisibleToasts: MAX_TOASTS });

export const toast = {
  /** Says that something was done. */
  success(text: string): void {
    queue.add({ kind: 'success', text }, { timeout: SUCCESS_TIMEOUT_MS });
  },
  /** Says why something was not done. */
  error(error: unknown): void {
    queue.add({ kind: 'error', text: typeof error === 'string' ? error : errorText(error) });
  },
};

export function ToastRegion() {
  return (
    <AriaToastRegion queue={queue} className={styles.region ?? ''}>
      <ToastList>
        {({ toast }: { toast: Toast }) => (
          <AriaToast
            toast={toast}
            className={classes(styles.toast, toast.content.kind === 'error' && styles.error)}
          >
            <Icon name={toast.content.kind === 'error' ? 'alert' : 'check'} />
            <ToastContent className={styles.content ?? ''}>
              <Text slot="title">{toast.content.text}</Text>
            </ToastContent>
            <Button slot="close" className={styles.close ?? ''} aria-label="Close">
              <Icon name="close" size={16} />
            </Button>
          </AriaToast>
        )}
      </ToastList>
    </AriaToastRegion>
  );
}
