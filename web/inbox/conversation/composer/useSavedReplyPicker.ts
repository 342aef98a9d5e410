import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type RefObject, useId, useState } from 'react';
import { api, type SavedReply, unwrap } from '../../app/api';
import { keys } from '../../app/queries';
import { matchingReplies, slashQuery } from './saved-reply-query';

export interface PickerOptions {
  input: RefObject<HTMLTextAreaElement | null>;
  text: string;
  isEnabled: boolean;
  onTextChange: (text: string) => void;
}

export function useSavedReplies(isEnabled = true) {
  return useQuery({
    queryKey: keys.savedReplies,
    queryFn: async () => unwrap(await api.GET('/saved-replies')).data,
    enabled: isEnabled,
  });
}

/** The list that opens when an agent writes a slash. */
export function useSavedReplyPicker({ input, text, isEnabled, onTextChange }: PickerOptions) {
  const listId = useId();
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(0);
  /** The place of a slash whose list the agent has closed. */
  const [dismissed, setDismissed] = useState<number | null>(null);
  const slash = isEnabled ? slashQuery(text, Math.min(caret, text.length)) : null;
  const isOpen = slash !== null && slash.start !== dismissed;
  const { data, isPending, error } = useSavedReplies(isOpen);
  const replies = matchingReplies(data ?? [], slash?.query ?? '');
  const index = Math.min(active, Math.max(0, replies.length - 1));

  const choose = (reply: SavedReply) => {
    if (!slash) return;
    const end = slash.start + 1 + slash.query.length;
    onTextChange(text.slice(0, slash.start) + reply.text + text.slice(end));
    placeCaret(input.current, slash.start + reply.text.length);
    setCaret(0);
  };
  const open = () => {
    const before = text.slice(0, input.current?.selectionStart ?? text.length);
    const after = text.slice(before.length);
    const start = before + (before === '' || /\s$/.test(before) ? '' : ' ');
    setDismissed(null);
    setActive(0);
    onTextChange(`${start}/${after}`);
    setCaret(start.length + 1);
    placeCaret(input.current, start.length + 1);
  };
  /** Returns whether the key was for the list. */
  const onKeyDown = (event: KeyboardEvent): boolean => {
    if (!isOpen) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const reply = replies[index];
    if (step) setActive((index + step + replies.length) % Math.max(1, replies.length));
    else if (event.key === 'Escape') setDismissed(slash.start);
    else if ((event.key === 'Enter' || event.key === 'Tab') && reply) choose(reply);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const inputProps = {
    'aria-autocomplete': 'list' as const,
    'aria-controls': isOpen ? listId : undefined,
    'aria-activedescendant': isOpen && replies[index] ? `${listId}-${index}` : undefined,
  };
  /** After a change of the text or of the selection. */
  const followCaret = ({ currentTarget }: { currentTarget: HTMLTextAreaElement }) => {
    const { selectionEnd, value } = currentTarget;
    setCaret(selectionEnd);
    if (!slashQuery(value, selectionEnd)) setDismissed(null);
  };
  const isEmpty = data?.length === 0;
  const state = { listId, isOpen, isEmpty, replies, index, isPending, error };
  return { ...state, choose, open, onKeyDown, followCaret, inputProps };
}

export type SavedReplyPicker = ReturnType<typeof useSavedReplyPicker>;

/** After the text has changed. */
function placeCaret(input: HTMLTextAreaElement | null, position: number): void {
  requestAnimationFrame(() => {
    input?.focus();
    input?.setSelectionRange(position, position);
  });
}
