// The keys of the conversation view.

import { useEffect, useEffectEvent } from 'react';

export interface Shortcut {
  keys: string;
  label: string;
}

/** For the help of the inbox. */
export const CONVERSATION_SHORTCUTS: readonly Shortcut[] = [
  { keys: 'r', label: 'Reply' },
  { keys: 'n', label: 'Write an internal note' },
  { keys: 't', label: 'Take over' },
  { keys: 'e', label: 'Close the conversation' },
  { keys: '/', label: 'Saved replies, in an empty reply' },
  { keys: 'Ctrl+Enter', label: 'Send (⌘+Enter on a Mac)' },
  { keys: 'Esc', label: 'Leave the input field, then back to the list' },
];

export interface ConversationActions {
  reply: () => void;
  note: () => void;
  takeOver: () => void;
  close: () => void;
}

const KEYS: Record<string, keyof ConversationActions> = {
  r: 'reply',
  n: 'note',
  t: 'takeOver',
  e: 'close',
};

/** Calls the actions while no field and no dialog has the focus. */
export function useConversationShortcuts(actions: ConversationActions): void {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const action = KEYS[event.key];
    if (!action || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isBusy(event.target)) return;
    event.preventDefault();
    actions[action]();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}

/** Whether the key belongs to a field, a menu or a dialog. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return true;
  if (!(target instanceof HTMLElement)) return false;
  return target.matches('input, textarea, select, [contenteditable="true"]');
}
