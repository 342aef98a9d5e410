import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, type SavedReply, unwrap } from '../../app/api';
import { errorText } from '../../app/errors';
import { keys } from '../../app/queries';
import {
  Button,
  Dialog,
  DialogActions,
  IconButton,
  LoadingState,
  Notice,
  TextArea,
  TextField,
} from '../../ui';
import styles from './SavedRepliesDialog.module.css';
import { useSavedReplies } from './useSavedReplyPicker';

type Draft = Pick<SavedReply, 'name' | 'text'> & { id: string | null };

const EMPTY: Draft = { id: null, name: '', text: '' };

/** Where agents add, change and delete saved replies. */
export function SavedRepliesDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const close = () => {
    setDraft(null);
    onClose();
  };
  const title = draft ? (draft.id ? 'Change saved reply' : 'New saved reply') : 'Saved replies';
  return (
    <Dialog title={title} isOpen={isOpen} onClose={close} isWide>
      {draft ? (
        <ReplyForm key={draft.id} draft={draft} onDone={() => setDraft(null)} />
      ) : (
        <ReplyTable onEdit={setDraft} onClose={close} />
      )}
    </Dialog>
  );
}

function ReplyTable(props: { onEdit: (draft: Draft) => void; onClose: () => void }) {
  const client = useQueryClient();
  const { data: replies, error } = useSavedReplies();
  const [failure, setFailure] = useState<unknown>(null);
  const remove = async ({ id }: SavedReply) => {
    setFailure(null);
    try {
      const params = { path: { savedReplyId: id } };
      unwrap(await api.DELETE('/saved-replies/{savedReplyId}', { params }));
    } catch (error) {
      setFailure(error);
    }
    await client.invalidateQueries({ queryKey: keys.savedReplies });
  };
  const problem = error ?? failure;
  return (
    <>
      {problem !== null && <Notice kind="error">{errorText(problem)}</Notice>}
      {!replies && !error && <LoadingState label="Loading saved replies" />}
      {replies?.length === 0 && (
        <p className={styles.empty}>
          There are none yet. Save a text that you write often, and insert it with a slash.
        </p>
      )}
      <ul className={styles.list}>
        {replies?.map((reply) => (
          <li key={reply.id} className={styles.item}>
            <div className={styles.texts}>
              <strong>{reply.name}</strong>
              <span>{reply.text}</span>
            </div>
            <IconButton
              icon="edit"
              size="small"
              label={`Change ${reply.name}`}
              onPress={() => props.onEdit(reply)}
            />
            <IconButton
              icon="trash"
              size="small"
              label={`Delete ${reply.name}`}
              onPress={() => void remove(reply)}
            />
          </li>
        ))}
      </ul>
      <DialogActions>
        <Button onPress={props.onClose}>Done</Button>
        <Button variant="primary" icon="plus" onPress={() => props.onEdit(EMPTY)}>
          New saved reply
        </Button>
      </DialogActions>
    </>
  );
}

function ReplyForm({ draft, onDone }: { draft: Draft; onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(draft.name);
  const [text, setText] = useState(draft.text);
  const [isPending, setPending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setPending(true);
    setError(null);
    try {
      await saveReply({ id: draft.id, name: name.trim(), text: text.trim() });
      await client.invalidateQueries({ queryKey: keys.savedReplies });
      onDone();
    } catch (failure) {
      setError(failure);
      setPending(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void save(event)}>
      <TextField label="Name" value={name} onChange={setName} isRequired autoFocus />
      <TextArea
        label="Text"
        value={text}
        onChange={setText}
        isRequired
        rows={6}
        description="Markdown is allowed."
      />
      {error !== null && <Notice kind="error">{errorText(error)}</Notice>}
      <DialogActions>
        <Button onPress={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" isPending={isPending}>
          Save
        </Button>
      </DialogActions>
    </form>
  );
}

async function saveReply({ id, ...body }: Draft): Promise<void> {
  unwrap(
    id
      ? await api.PATCH('/saved-replies/{savedReplyId}', {
          params: { path: { savedReplyId: id } },
          body,
        })
      : await api.POST('/saved-replies', { body }),
  );
}
