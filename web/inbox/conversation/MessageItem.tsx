import { memo, type ReactNode } from 'react';
import type { Message } from '../../shared/api';
import { textOf } from '../../shared/message-text';
import type { Note, Visitor } from '../app/api';
import { visitorName } from '../list/people';
import { Avatar, Badge, classes, formatFullTime, Icon, IconButton, VisuallyHidden } from '../ui';
import { Markdown, PlainText } from './Markdown';
import styles from './MessageItem.module.css';
import { formatClock } from './times';

export interface Person {
  name: string;
  picture: ReactNode;
}

const AVATAR_PX = 28;

/** The author of a message, as the log shows it. */
function authorOf(message: Message, visitor: Visitor | undefined): Person {
  if (message.role === 'assistant') {
    const picture = (
      <span className={styles.assistantPicture}>
        <Icon name="assistant" size={17} />
      </span>
    );
    return { name: 'Assistant', picture };
  }
  if (message.role === 'human_agent') {
    const name = message.humanAgent?.name ?? 'Agent';
    const url = message.humanAgent?.image;
    return { name, picture: <Avatar name={name} url={url} size={AVATAR_PX} /> };
  }
  const name = visitorName(visitor, message.chatId);
  const seed = visitor?.id ?? '';
  const url = visitor?.avatarUrl;
  const picture = <Avatar name={visitor?.name ?? null} seed={seed} url={url} size={AVATAR_PX} />;
  return { name, picture };
}

export interface BubbleProps {
  kind: 'user' | 'assistant' | 'human_agent' | 'note';
  person: Person;
  createdAt: string;
  startsGroup: boolean;
  state?: string;
  /** What is said about the message, below it. */
  footer?: ReactNode;
  /** Buttons at the side of the message. */
  actions?: ReactNode;
  children: ReactNode;
}

/** One message with its author. */
export function Bubble({ kind, person, createdAt, startsGroup, ...props }: BubbleProps) {
  const { name, picture } = person;
  return (
    <article
      className={classes(styles.message, styles[kind], startsGroup && styles.first)}
      data-role={kind}
      data-state={props.state}
    >
      <div className={styles.picture}>{startsGroup && picture}</div>
      <div className={styles.column}>
        {startsGroup ? (
          <p className={styles.author}>
            <span className={styles.name}>{name}</span>
            {kind === 'note' && <span>internal note</span>}
            <time dateTime={createdAt} title={formatFullTime(new Date(createdAt))}>
              {formatClock(createdAt)}
            </time>
          </p>
        ) : (
          <VisuallyHidden>
            {name}, {formatClock(createdAt)}
          </VisuallyHidden>
        )}
        <div className={styles.line}>
          <div className={styles.body} dir="auto" title={formatFullTime(new Date(createdAt))}>
            {props.children}
          </div>
          {props.actions}
        </div>
        {props.footer}
      </div>
    </article>
  );
}

interface MessageItemProps {
  message: Message;
  visitor: Visitor | undefined;
  startsGroup: boolean;
  showsPage: boolean;
}

export const MessageItem = memo(function MessageItem(props: MessageItemProps) {
  const { message, visitor, startsGroup, showsPage } = props;
  return (
    <Bubble
      kind={message.role}
      person={authorOf(message, visitor)}
      createdAt={message.createdAt}
      startsGroup={startsGroup}
      state={message.status}
      footer={<MessageFooter message={message} showsPage={showsPage} />}
    >
      {message.textSelection && <Selection text={message.textSelection} />}
      <MessageText message={message} />
    </Bubble>
  );
});

function MessageText({ message }: { message: Message }) {
  const text = textOf(message);
  const isStreaming = message.status === 'streaming';
  if (message.role === 'user') return <PlainText text={text} />;
  if (isStreaming && !text) return <Dots label="The assistant is writing" />;
  if (message.status === 'error' && !text) return <p className={styles.empty}>No answer</p>;
  return <Markdown text={text} isStreaming={isStreaming} />;
}

/** The text that the visitor had selected on the page. */
function Selection({ text }: { text: string }) {
  return (
    <blockquote className={styles.selection} title="Selected on the page">
      {text}
    </blockquote>
  );
}

export function Dots({ label }: { label: string }) {
  return (
    <span className={styles.dots} role="img" aria-label={label}>
      <i />
      <i />
      <i />
    </span>
  );
}

function MessageFooter({ message, showsPage }: { message: Message; showsPage: boolean }) {
  const { status, feedback, error, pageUrl, pageTitle } = message;
  if (status === 'error') {
    return (
      <p className={classes(styles.footer, styles.failed)}>
        <Icon name="alert" size={14} />
        The answer failed{error ? `: ${error}` : ''}
      </p>
    );
  }
  if (feedback) {
    return (
      <p className={styles.footer}>
        <Badge
          kind={feedback === 'like' ? 'success' : 'danger'}
          icon={feedback === 'like' ? 'thumbUp' : 'thumbDown'}
        >
          {feedback === 'like' ? 'Rated helpful' : 'Rated not helpful'}
        </Badge>
      </p>
    );
  }
  if (!showsPage || !pageUrl) return null;
  return (
    <p className={styles.footer}>
      <Icon name="globe" size={13} />
      <a href={pageUrl} target="_blank" rel="noopener noreferrer" className={styles.page}>
        {pageTitle || pageUrl}
      </a>
    </p>
  );
}

interface NoteItemProps {
  note: Note;
  startsGroup: boolean;
  onDelete: (note: Note) => void;
}

/** An internal note, which visitors never get. */
export const NoteItem = memo(function NoteItem({ note, startsGroup, onDelete }: NoteItemProps) {
  const name = note.agent?.name ?? 'Private key';
  const picture = (
    <span className={styles.notePicture}>
      <Icon name="note" size={16} />
    </span>
  );
  const actions = (
    <IconButton
      icon="trash"
      size="small"
      label="Delete the note"
      className={styles.action}
      onPress={() => onDelete(note)}
    />
  );
  return (
    <Bubble
      kind="note"
      person={{ name, picture }}
      createdAt={note.createdAt}
      startsGroup={startsGroup}
      actions={actions}
    >
      <Markdown text={note.text} />
    </Bubble>
  );
});
