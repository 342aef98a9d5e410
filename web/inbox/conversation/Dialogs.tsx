import { ConfirmDialog } from '../ui';
import { CloseDialog } from './CloseDialog';
import { SavedRepliesDialog } from './composer/SavedRepliesDialog';
import type { ConversationData } from './data/conversation-data';
import type { Actions } from './data/useActions';

export type DialogName = 'takeOver' | 'close' | 'block' | 'deleteNote' | 'savedReplies' | 'details';

export interface DialogsProps {
  conversation: ConversationData;
  dialog: DialogName | null;
  actions: Actions;
  /** The agent has taken over from another one. */
  onTakenOver: () => void;
  onCancel: () => void;
}

/** The dialogs of the conversation, of which one at most is open. */
export function Dialogs({ conversation, dialog, actions, ...props }: DialogsProps) {
  const { onCancel } = props;
  const other = conversation.humanAgent?.name ?? 'Another agent';
  const takeOver = async () => {
    await actions.forceTakeOver();
    props.onTakenOver();
  };
  return (
    <>
      <ConfirmDialog
        title={`Take over from ${other}?`}
        isOpen={dialog === 'takeOver'}
        onClose={onCancel}
        action="Take over"
        onConfirm={takeOver}
      >
        <p>{other} has taken this conversation over. The visitor will see your name instead.</p>
      </ConfirmDialog>
      <CloseDialog isOpen={dialog === 'close'} onCancel={onCancel} onClose={actions.close} />
      <ConfirmDialog
        title="Block the visitor?"
        isOpen={dialog === 'block'}
        onClose={onCancel}
        action="Block"
        isDangerous
        onConfirm={() => actions.setBlocked(true)}
      >
        <p>
          The visitor can read this conversation, but can neither write nor begin another one. You
          can unblock the visitor at any time.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        title="Delete the note?"
        isOpen={dialog === 'deleteNote'}
        onClose={onCancel}
        action="Delete"
        isDangerous
        onConfirm={actions.deleteNote}
      >
        <p>The note is deleted for all agents.</p>
      </ConfirmDialog>
      <SavedRepliesDialog isOpen={dialog === 'savedReplies'} onClose={onCancel} />
    </>
  );
}
