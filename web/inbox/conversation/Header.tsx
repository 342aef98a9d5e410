import type { RefObject } from 'react';
import { Link } from '../app/router';
import { visitorName } from '../list/people';
import {
  Avatar,
  Badge,
  Button,
  copyText,
  formatDuration,
  Icon,
  IconButton,
  Menu,
  MenuItem,
  MenuTrigger,
  useNow,
} from '../ui';
import type { ConversationData, Handler } from './data/conversation-data';
import styles from './Header.module.css';

export interface HeaderProps {
  conversation: ConversationData;
  handler: Handler;
  backHref: string | null;
  heading: RefObject<HTMLHeadingElement | null>;
  pending: 'takeOver' | 'handBack' | null;
  /** Null: the visitor is next to the conversation. */
  onDetails: (() => void) | null;
  onTakeOver: () => void;
  onHandBack: () => void;
  onClose: () => void;
  onBlock: () => void;
  onSavedReplies: () => void;
}

export function Header({ conversation, handler, backHref, heading, ...props }: HeaderProps) {
  const { visitor } = conversation;
  const isOpen = conversation.status === 'open';
  return (
    <header className={styles.header}>
      {backHref !== null && (
        <Link href={backHref} className={styles.back} aria-label="Back to the list">
          <Icon name="chevronLeft" size={20} />
        </Link>
      )}
      <div className={styles.picture}>
        <Avatar
          name={visitor?.name ?? null}
          url={visitor?.avatarUrl}
          seed={visitor?.id ?? ''}
          size={36}
        />
      </div>
      <h2 ref={heading} tabIndex={-1} className={styles.name}>
        {visitorName(visitor, conversation.id)}
      </h2>
      <State conversation={conversation} handler={handler} />
      <div className={styles.actions}>
        {isOpen && handler !== 'me' && (
          <Button
            variant={handler === 'assistant' ? 'primary' : 'secondary'}
            isPending={props.pending === 'takeOver'}
            onPress={props.onTakeOver}
          >
            Take over
          </Button>
        )}
        {isOpen && conversation.isHumanHandled && (
          <Button
            className={styles.wide}
            isPending={props.pending === 'handBack'}
            onPress={props.onHandBack}
          >
            Hand back
          </Button>
        )}
        {isOpen && (
          <Button className={styles.wide} icon="check" onPress={props.onClose}>
            Close
          </Button>
        )}
        {props.onDetails && (
          <IconButton icon="user" label="About the visitor" onPress={props.onDetails} />
        )}
        <More conversation={conversation} {...props} />
      </div>
    </header>
  );
}

/** What happens with the conversation, in a few words. */
function State({ conversation, handler }: Pick<HeaderProps, 'conversation' | 'handler'>) {
  const { waitingSince, humanAgent } = conversation;
  const now = useNow();
  return (
    <p className={styles.state}>
      {waitingSince && (
        <Badge kind="warning" icon="clock">
          {waitingText(Date.parse(waitingSince), now)}
        </Badge>
      )}
      {handler === 'nobody' && <Badge icon="check">Closed</Badge>}
      {handler === 'me' && (
        <Badge kind="accent" icon="user">
          You are answering
        </Badge>
      )}
      {handler === 'other' && (
        <Badge kind="accent" icon="user">
          {humanAgent?.name ?? 'An agent'} is answering
        </Badge>
      )}
      {handler === 'assistant' && (
        <Badge icon="assistant">{waitingSince ? 'Assistant' : 'Assistant is answering'}</Badge>
      )}
    </p>
  );
}

function waitingText(since: number, now: number): string {
  const duration = formatDuration(now - since);
  return duration === 'now' ? 'Waiting' : `Waiting ${duration}`;
}

type MoreProps = Omit<HeaderProps, 'handler' | 'backHref' | 'heading'>;

function More({ conversation, ...props }: MoreProps) {
  const isOpen = conversation.status === 'open';
  const isBlocked = conversation.visitor?.isBlocked ?? false;
  return (
    <MenuTrigger>
      <IconButton icon="more" label="More actions" />
      <Menu>
        {isOpen && conversation.isHumanHandled && (
          <MenuItem icon="assistant" onAction={props.onHandBack}>
            Hand back to the assistant
          </MenuItem>
        )}
        {isOpen && (
          <MenuItem icon="check" onAction={props.onClose}>
            Close the conversation…
          </MenuItem>
        )}
        <MenuItem icon="message" onAction={props.onSavedReplies}>
          Manage saved replies…
        </MenuItem>
        <MenuItem icon="link" onAction={copyLink}>
          Copy the link
        </MenuItem>
        {conversation.visitor && (
          <MenuItem icon="block" isDangerous={!isBlocked} onAction={props.onBlock}>
            {isBlocked ? 'Unblock the visitor' : 'Block the visitor…'}
          </MenuItem>
        )}
      </Menu>
    </MenuTrigger>
  );
}

function copyLink(): void {
  void copyText('link', location.origin + location.pathname);
}

/** The place of the header while the conversation is loaded. */
export function HeaderSkeleton({ backHref }: { backHref: string | null }) {
  return (
    <header className={styles.header}>
      {backHref !== null && (
        <Link href={backHref} className={styles.back} aria-label="Back to the list">
          <Icon name="chevronLeft" size={20} />
        </Link>
      )}
    </header>
  );
}
