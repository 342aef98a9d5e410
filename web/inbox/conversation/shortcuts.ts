// The keys of the conversation view.

import { useShortcuts } from '../list/useShortcuts';

/** For the help of the inbox. */
export const CONVERSATION_SHORTCUTS: readonly { keys: string[]; text: string }[] = [
  { keys: ['r'], text: 'Reply' },
  { keys: ['n'], text: 'Write an internal note' },
  { keys: ['Ctrl', 'Enter'], text: 'Send' },
  { keys: ['t'], text: 'Take over' },
  { keys: ['e'], text: 'Close the conversation' },
];

export interface ConversationActions {
  reply: () => void;
  note: () => void;
  takeOver: () => void;
  close: () => void;
}

/** Calls the actions while no field and no dialog has the focus. */
export function useConversationShortcuts(actions: ConversationActions): void {
  const handler = (action: () => void) => (event: KeyboardEvent) => {
    // The key is not written into the field that gets the focus.
    event.preventDefault();
    action();
  };
  useShortcuts({
    r: handler(actions.reply),
    n: handler(actions.note),
    t: handler(actions.takeOver),
    e: handler(actions.close),
  });
}
