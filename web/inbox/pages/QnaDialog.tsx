import { useState } from 'react';
import { api, unwrap } from '../app/api';
import { useMe } from '../app/session';
import { useSubmit } from '../app/useSubmit';
import { Button, Dialog, DialogActions, TextArea, TextField } from '../ui';
import { Form } from '../ui/Form';
import type { Qna } from './QnaSection';

export interface QnaDialogProps {
  /** The Q&A to change; null: a new one. */
  qna: Qna | null;
  /** The question of a new Q&A. */
  question: string;
  onClose: () => void;
  onSaved: () => void;
}

interface Input {
  question: string;
  answer: string;
}

async function save(projectId: string, qna: Qna | null, body: Input): Promise<unknown> {
  if (!qna) {
    const params = { path: { projectId } };
    return unwrap(await api.POST('/projects/{projectId}/qnas', { params, body }));
  }
  const params = { path: { projectId, qnaId: qna.id } };
  return unwrap(await api.PUT('/projects/{projectId}/qnas/{qnaId}', { params, body }));
}

export function QnaDialog({ qna, question: initial, onClose, onSaved }: QnaDialogProps) {
  const { project } = useMe();
  const [question, setQuestion] = useState(qna?.question ?? initial);
  const [answer, setAnswer] = useState(qna?.answer ?? '');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['question', 'answer'],
    (input: Input) => save(project.id, qna, input),
    onSaved,
  );
  return (
    <Dialog title={qna ? 'Edit the Q&A' : 'Add a Q&A'} isOpen isWide onClose={onClose}>
      <Form isInDialog onSubmit={() => submit({ question, answer })} error={error}>
        <TextField
          label="Question"
          description="In the words of a visitor."
          value={question}
          onChange={setQuestion}
          autoFocus={!initial}
          isRequired
          errorMessage={errorOf('question')}
        />
        <TextArea
          label="Answer"
          description="Markdown: **bold**, lists, [links](https://shop.example)."
          value={answer}
          onChange={setAnswer}
          autoFocus={initial !== ''}
          rows={7}
          isRequired
          errorMessage={errorOf('answer')}
        />
        <DialogActions>
          <Button onPress={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" isPending={isPending}>
            Save
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  );
}
