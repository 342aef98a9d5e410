import { useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { useMe } from '../app/session';
import { useMedia } from '../app/useMedia';
import { visitorName } from '../list/people';
import { Icon, Time } from '../ui';
import { Announcer } from './Announcer';
import styles from './ConversationPage.module.css';
import { Composer, type ComposerMode } from './composer/Composer';
import { type DialogName, Dialogs } from './Dialogs';
import { type ConversationData, handlerOf, type LiveAnswer } from './data/conversation-data';
import { useActions } from './data/useActions';
import { useComposer } from './data/useComposer';
import { useReadMark } from './data/useReadMark';
import { useTimeline } from './data/useTimeline';
import { type Typists, useTypists } from './data/useTyping';
import { Header } from './Header';
import { Log } from './Log';
import { useConversationShortcuts } from './shortcuts';
import { Sheet } from './visitor/Sheet';
import { VisitorPanel } from './visitor/VisitorPanel';

export interface ConversationViewProps {
  conversation: ConversationData;
  answer: LiveAnswer | null;
  backHref: string | null;
}

export function ConversationView({ conversation, answer, backHref }: ConversationViewProps) {
  const me = useMe();
  const handler = handlerOf(conversation, me);
  const isOpen = conversation.status === 'open';
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const actions = useActions(conversation, setDialog);
  const composer = useComposer(conversation, setDialog);
  const { timeline, messages, replies } = useTimeline(conversation, answer);
  const typists = useTypists(conversation.id);
  const heading = useRef<HTMLHeadingElement>(null);
  const isWide = useMedia('(min-width: 1200px)');
  useReadMark(conversation);
  useFocusOnArrival(heading, backHref);
  const write = (mode: ComposerMode) => {
    if (mode === 'reply' && !isOpen) return;
    // The focus must not wait for the next frame: the next keys belong to the field.
    flushSync(() => composer.setMode(mode));
    composer.input.current?.focus();
  };
  const takeOver = async () => {
    await actions.takeOver();
    // The button that had the focus is gone.
    if (document.activeElement === document.body) heading.current?.focus();
  };
  useConversationShortcuts({
    reply: () => write('reply'),
    note: () => write('note'),
    takeOver: () => isOpen && handler !== 'me' && void takeOver(),
    close: () => isOpen && setDialog('close'),
  });
  return (
    <div className={styles.view} data-conversation={conversation.id}>
      <div className={styles.main}>
        <Header
          conversation={conversation}
          handler={handler}
          backHref={backHref}
          heading={heading}
          pending={actions.pending}
          onDetails={isWide ? null : () => setDialog('details')}
          onTakeOver={() => void takeOver()}
          onHandBack={() => void actions.handBack()}
          onClose={() => setDialog('close')}
          onBlock={() => void actions.block()}
          onSavedReplies={() => setDialog('savedReplies')}
        />
        <Log
          timeline={timeline}
          messageCount={conversation.messages.length}
          visitor={conversation.visitor}
          typists={typists}
          onDeleteNote={actions.askToDeleteNote}
          errorOf={(key) => replies.errorOf(key)}
          onRetry={composer.retry}
          onEdit={composer.edit}
          onDiscard={(key) => replies.discard(key)}
        />
        <OtherAgents typists={typists} />
        {!isOpen && <Closed conversation={conversation} />}
        <Composer
          mode={composer.mode}
          onModeChange={composer.setMode}
          canReply={isOpen}
          text={composer.text}
          onTextChange={composer.setText}
          onSubmit={() => void composer.submit()}
          isPending={composer.isPending}
          hint={hintOf(conversation, handler)}
          input={composer.input}
          onLeave={() => heading.current?.focus()}
          onManageSavedReplies={() => setDialog('savedReplies')}
        />
        <Announcer
          messages={messages}
          visitorName={visitorName(conversation.visitor, conversation.id)}
          ownName={me.name}
        />
      </div>
      {isWide && (
        <aside className={styles.side} aria-label="About the visitor">
          <VisitorPanel conversation={conversation} />
        </aside>
      )}
      <Sheet
        title="About the visitor"
        isOpen={!isWide && dialog === 'details'}
        onClose={() => setDialog(null)}
      >
        <VisitorPanel conversation={conversation} />
      </Sheet>
      <Dialogs
        conversation={conversation}
        dialog={dialog}
        actions={actions}
        onTakenOver={composer.retryTaken}
        onCancel={() => setDialog(null)}
      />
    </div>
  );
}

/** Without a list next to the conversation, the page has changed: its heading gets the focus. */
function useFocusOnArrival(
  heading: React.RefObject<HTMLHeadingElement | null>,
  backHref: string | null,
): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each conversation
  useEffect(() => {
    if (backHref !== null) heading.current?.focus();
  }, []);
}

function hintOf(conversation: ConversationData, handler: string): string | null {
  if (handler === 'assistant') return 'Sending takes over.';
  if (handler === 'other') {
    return `${conversation.humanAgent?.name ?? 'Another agent'} has taken over.`;
  }
  return null;
}

function OtherAgents({ typists: { agents } }: { typists: Typists }) {
  return (
    <p className={styles.typing} role="status">
      {agents.length > 0 && (
        <span>
          <Icon name="edit" size={13} />
          {agents.join(', ')} {agents.length === 1 ? 'is' : 'are'} replying
        </span>
      )}
    </p>
  );
}

function Closed({ conversation: { closedAt, closeReason } }: { conversation: ConversationData }) {
  return (
    <p className={styles.closed}>
      <Icon name="check" size={16} />
      <span>
        Closed{closeReason ? `: ${closeReason}` : ''}
        {closedAt && (
          <>
            {' · '}
            <Time value={closedAt} />
          </>
        )}
      </span>
    </p>
  );
}
