import { Button } from '../ui';
import styles from './Setup.module.css';

export interface StepButtonsProps {
  onBack: (() => void) | null;
  onSkip?: (() => void) | undefined;
  /** The text of the main button. */
  action: string;
  /** Without it, the main button submits the form. */
  onAction?: () => void;
  isPending?: boolean;
}

export function StepButtons({ onBack, onSkip, action, onAction, isPending }: StepButtonsProps) {
  return (
    <div className={styles.buttons}>
      {onBack && (
        <Button variant="quiet" icon="chevronLeft" onPress={onBack}>
          Back
        </Button>
      )}
      <span className={styles.space} />
      {onSkip && (
        <Button variant="quiet" onPress={onSkip}>
          Skip
        </Button>
      )}
      <Button
        variant="primary"
        isPending={isPending ?? false}
        {...(onAction ? { onPress: onAction } : { type: 'submit' })}
      >
        {action}
      </Button>
    </div>
  );
}
