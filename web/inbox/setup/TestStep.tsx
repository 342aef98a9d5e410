import { WidgetPreview } from '../pages/WidgetPreview';
import { CardPage, LoadingState } from '../ui';
import styles from './Setup.module.css';
import type { StepProps } from './SetupPage';
import { StepButtons } from './StepButtons';
import { useProject } from './useProject';

/** The chat, to ask it a question. */
export function TestStep({ header, onBack, onNext }: StepProps) {
  const { data: project } = useProject();
  return (
    <CardPage
      isWide
      header={header}
      title="Ask your first question"
      text="This is the chat as visitors see it. Your question appears in the inbox."
    >
      <div className={styles.done}>
        {project ? <WidgetPreview project={project} /> : <LoadingState />}
        <StepButtons onBack={onBack} action="Open the inbox" onAction={onNext} />
      </div>
    </CardPage>
  );
}
