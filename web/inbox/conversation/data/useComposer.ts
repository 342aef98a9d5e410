import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { OutboxEntry } from '../../../shared/outbox';
import { keys } from '../../app/queries';
import { toast } from '../../ui';
import type { ComposerMode } from '../composer/Composer';
import type { DialogName } from '../Dialogs';
import type { ConversationData } from './conversation-data';
import { isTakenOver } from './reply-sender';
import { postNote } from './requests';
import { useDrafts, usePendingReplies, useReplySender } from './useReplies';
import { useTypingSignal } from './useTyping';

/** The texts in the input field, and what sending them does. */
export function useComposer(
  conversation: ConversationData,
  setDialog: (dialog: DialogName | null) => void,
) {
  const { id, messages, status } = conversation;
  const client = useQueryClient();
  const drafts = useDrafts();
  const sender = useReplySender();
  const typing = useTypingSignal(id);
  const input = useRef<HTMLTextAreaElement>(null);
  const [chosenMode, setMode] = useState<ComposerMode>('reply');
  const mode = status === 'open' ? chosenMode : 'note';
  const [texts, setTexts] = useState(() => ({
    reply: drafts.read(id),
    note: drafts.read(noteDraft(id)),
  }));
  const [isPending, setPending] = useState(false);
  const taken = useTakenReplies(id, setDialog);

  const write = (mode: ComposerMode, text: string) => {
    drafts.write(mode === 'reply' ? id : noteDraft(id), text);
    setTexts((old) => ({ ...old, [mode]: text }));
  };
  const setText = (text: string) => {
    write(mode, text);
    if (mode === 'reply') typing.change(text);
  };
  const submit = async () => {
    const text = texts[mode].trim();
    if (mode === 'reply') {
      sender.send(id, text, messages.at(-1)?.id ?? null);
      write('reply', '');
      typing.stop();
      return;
    }
    setPending(true);
    try {
      await postNote(id, text);
      await client.invalidateQueries({ queryKey: keys.notes(id) });
      write('note', '');
    } catch (error) {
      toast.error(error);
    }
    setPending(false);
  };
  const edit = ({ key, content }: OutboxEntry) => {
    sender.discard(key);
    write('reply', texts.reply.trim() ? `${content}\n\n${texts.reply}` : content);
    setMode('reply');
    requestAnimationFrame(() => input.current?.focus());
  };
  return {
    input,
    mode,
    setMode,
    text: texts[mode],
    setText,
    submit,
    isPending,
    edit,
    retry: (key: string) => {
      if (isTakenOver(sender.errorOf(key))) setDialog('takeOver');
      else sender.retry(key);
    },
    /** Sends the replies that were refused because another agent had taken over. */
    retryTaken: () => {
      for (const key of taken) sender.retry(key);
    },
  };
}

function noteDraft(id: string): string {
  return `${id}:note`;
}

/** The replies that another agent's take-over prevented. The first refusal asks what to do. */
function useTakenReplies(id: string, setDialog: (dialog: DialogName) => void): string[] {
  const sender = useReplySender();
  const entries = usePendingReplies(sender, id);
  const taken = entries.map(({ key }) => key).filter((key) => isTakenOver(sender.errorOf(key)));
  const newest = taken.at(-1);
  useEffect(() => {
    if (newest) setDialog('takeOver');
  }, [newest, setDialog]);
  return taken;
}
