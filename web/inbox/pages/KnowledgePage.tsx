import { Page } from '../ui';
import { QnaSection } from './QnaSection';
import { SourcesSection } from './SourcesSection';
import { UnansweredSection } from './UnansweredSection';

export default function KnowledgePage() {
  return (
    <Page
      title="Knowledge"
      description="What the assistant answers from: questions with your answers, and the pages of your website."
    >
      <UnansweredSection />
      <QnaSection />
      <SourcesSection />
    </Page>
  );
}
