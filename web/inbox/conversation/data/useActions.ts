import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import type { Note } from '../../app/api';
import { keys } from '../../app/queries';
import { toast } from '../../ui';
import type { DialogName } from '../Dialogs';
import type { ConversationData } from './conversation-data';
import { isTakenOver } from './reply-sender';
import * as requests from './requests';

/** What an agent does with the conversation, apart from writing. */
export function useActions(
  conversation: ConversationData,
  setDialog: (dialog: DialogName | null) => void,
) {
  const { id, visitor } = conversation;
  const client = useQueryClient();
  const [pending, setPending] = useState<'takeOver' | 'handBack' | null>(null);
  const [noteToDelete, setNoteToDelete] = useState<Note | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: keys.conversation(id) });

  const takeOver = async () => {
    setPending('takeOver');
    try {
      await requests.takeOver(id, false);
    } catch (error) {
      if (isTakenOver(error)) setDialog('takeOver');
      else toast.error(error);
    }
    await refresh();
    setPending(null);
  };
  const forceTakeOver = async () => {
    await requests.takeOver(id, true);
    await refresh();
  };
  const handBack = async () => {
    setPending('handBack');
    await requests.handBack(id).catch(toast.error);
    await refresh();
    setPending(null);
  };
  const close = async (reason: string) => {
    await requests.close(id, reason);
    await refresh();
    setDialog(null);
  };
  const setBlocked = async (isBlocked: boolean) => {
    if (!visitor) return;
    await requests.setBlocked(visitor.id, isBlocked);
    await refresh();
    toast.success(isBlocked ? 'The visitor is blocked.' : 'The visitor is no longer blocked.');
  };
  /** Blocking needs a confirmation. */
  const block = async () => {
    if (visitor?.isBlocked) await setBlocked(false).catch(toast.error);
    else setDialog('block');
  };
  const askToDeleteNote = useCallback(
    (note: Note) => {
      setNoteToDelete(note);
      setDialog('deleteNote');
    },
    [setDialog],
  );
  const deleteNote = async () => {
    if (!noteToDelete) return;
    await requests.deleteNote(id, noteToDelete.id);
    await client.invalidateQueries({ queryKey: keys.notes(id) });
  };
  return {
    pending,
    takeOver,
    forceTakeOver,
    handBack,
    close,
    setBlocked,
    block,
    askToDeleteNote,
    deleteNote,
  };
}

export type Actions = ReturnType<typeof useActions>;
