import { useState } from 'react';
import { api, unwrap } from '../app/api';
import { useMe } from '../app/session';
import { useSubmit } from '../app/useSubmit';
import { CardPage, Icon, TextArea, TextField, toast } from '../ui';
import { Form } from '../ui/Form';
import styles from './Setup.module.css';
import type { StepProps } from './SetupPage';
import { StepButtons } from './StepButtons';

/** A first question with its answer, or pages to learn. */
export function KnowledgeStep({ header, onBack, onNext }: StepProps) {
  const [kind, setKind] = useState<'qna' | 'page'>('qna');
  const buttons = { onBack, onNext };
  return (
    <CardPage
      isWide
      header={header}
      title="What the assistant knows"
      text="The assistant answers from questions with their answers, and from pages of your website."
    >
      <div className={styles.choice}>
        <button type="button" aria-pressed={kind === 'qna'} onClick={() => setKind('qna')}>
          <Icon name="help" />A question and its answer
        </button>
        <button type="button" aria-pressed={kind === 'page'} onClick={() => setKind('page')}>
          <Icon name="globe" />
          Pages of the website
        </button>
      </div>
      {kind === 'qna' ? <QnaForm {...buttons} /> : <PageForm {...buttons} />}
    </CardPage>
  );
}

type Buttons = Pick<StepProps, 'onBack' | 'onNext'>;

function QnaForm({ onBack, onNext }: Buttons) {
  const { project } = useMe();
  const [question, setQuestion] = useState('');
  const [answer, setAnswer] = useState('');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['question', 'answer'],
    async (body: { question: string; answer: string }) => {
      const params = { path: { projectId: project.id } };
      return unwrap(await api.POST('/projects/{projectId}/qnas', { params, body }));
    },
    onNext,
  );
  return (
    <Form error={error} onSubmit={() => submit({ question, answer })}>
      <TextField
        label="Question"
        placeholder="How long does shipping take?"
        value={question}
        onChange={setQuestion}
        errorMessage={errorOf('question')}
      />
      <TextArea
        label="Answer"
        placeholder="Two to four working days."
        value={answer}
        onChange={setAnswer}
        errorMessage={errorOf('answer')}
      />
      <StepButtons
        onBack={onBack}
        onSkip={onNext}
        action="Save and continue"
        isPending={isPending}
      />
    </Form>
  );
}

function PageForm({ onBack, onNext }: Buttons) {
  const [url, setUrl] = useState('');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['url'],
    async (body: { url: string }) => unwrap(await api.POST('/sources', { body })),
    () => {
      toast.success('The server is reading the pages now.');
      onNext();
    },
  );
  return (
    <Form error={error} onSubmit={() => submit({ url: url.trim() })}>
      <TextField
        label="Address"
        type="url"
        placeholder="https://shop.example"
        description="The start page or the sitemap. The server follows links within the website."
        value={url}
        onChange={setUrl}
        errorMessage={errorOf('url')}
      />
      <StepButtons
        onBack={onBack}
        onSkip={onNext}
        action="Learn and continue"
        isPending={isPending}
      />
    </Form>
  );
}
