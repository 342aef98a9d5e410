import { type KeyboardEvent, type RefObject, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { Button, classes, Icon, IconButton } from '../../ui';
import { Markdown } from '../Markdown';
import styles from './Composer.module.css';
import { SavedReplyList } from './SavedReplyList';
import { useSavedReplyPicker } from './useSavedReplyPicker';

/** The longest message that the API accepts. */
const MAX_CHARACTERS = 10_000;
const MAX_HEIGHT_PX = 260;

export type ComposerMode = 'reply' | 'note';

export interface ComposerProps {
  mode: ComposerMode;
  onModeChange: (mode: ComposerMode) => void;
  /** Without it, only notes can be written. */
  canReply: boolean;
  text: string;
  onTextChange: (text: string) => void;
  onSubmit: () => void;
  isPending: boolean;
  /** What will happen when a reply is sent. */
  hint: string | null;
  input: RefObject<HTMLTextAreaElement | null>;
  /** The agent leaves the input field with the Escape key. */
  onLeave: () => void;
  onManageSavedReplies: () => void;
}

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
/** The key that is pressed with Enter. */
const MODIFIER = isMac ? '⌘' : 'Ctrl';

/** Where an agent writes replies and internal notes. */
export function Composer(props: ComposerProps) {
  const { mode, text, input, onTextChange, onSubmit } = props;
  const [isPreview, setPreview] = useState(false);
  const picker = useSavedReplyPicker({ input, text, isEnabled: mode === 'reply', onTextChange });
  const canSubmit = text.trim() !== '' && !props.isPending;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => fitHeight(input.current), [text, mode, isPreview]);
  const submit = () => {
    if (!canSubmit) return;
    setPreview(false);
    onSubmit();
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (picker.onKeyDown(event)) return;
    if (event.key === 'Escape' && !event.nativeEvent.isComposing) {
      event.preventDefault();
      props.onLeave();
      return;
    }
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  const label = mode === 'reply' ? 'Reply to the visitor' : 'Internal note';
  return (
    <div className={styles.frame}>
      {picker.isOpen && <SavedReplyList picker={picker} onManage={props.onManageSavedReplies} />}
      <form
        className={classes(styles.composer, mode === 'note' && styles.note)}
        aria-label={label}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Tabs {...props} />
        {isPreview ? (
          <section className={styles.preview} aria-label="Preview" tabIndex={0}>
            <Markdown text={text} />
          </section>
        ) : (
          <textarea
            ref={input}
            className={styles.input}
            rows={2}
            value={text}
            maxLength={MAX_CHARACTERS}
            aria-label={label}
            placeholder={
              mode === 'reply' ? 'Write a reply. Type / for saved replies' : 'Only agents see notes'
            }
            {...picker.inputProps}
            onSelect={picker.followCaret}
            onChange={(event) => {
              onTextChange(event.currentTarget.value);
              picker.followCaret(event);
            }}
            onKeyDown={onKeyDown}
          />
        )}
        <div className={styles.bar}>
          {mode === 'reply' && (
            <IconButton
              icon="message"
              size="small"
              label="Saved replies"
              isDisabled={isPreview}
              onPress={picker.open}
            />
          )}
          <IconButton
            icon={isPreview ? 'edit' : 'eye'}
            size="small"
            label={isPreview ? 'Back to the text' : 'Preview'}
            aria-pressed={isPreview}
            isDisabled={!isPreview && text.trim() === ''}
            onPress={() => setPreview(!isPreview)}
          />
          <p className={styles.hint}>{mode === 'reply' ? props.hint : null}</p>
          <span className={styles.keys} aria-hidden="true">
            {MODIFIER} ⏎
          </span>
          <Button
            type="submit"
            variant="primary"
            size="small"
            isDisabled={!canSubmit}
            isPending={props.isPending}
          >
            {mode === 'reply' ? 'Send' : 'Add note'}
          </Button>
        </div>
      </form>
    </div>
  );
}

function Tabs({ mode, onModeChange, canReply, input }: ComposerProps) {
  const choose = (next: ComposerMode) => {
    flushSync(() => onModeChange(next));
    input.current?.focus();
  };
  return (
    <fieldset className={styles.tabs}>
      <legend>What to write</legend>
      {canReply && (
        <button type="button" aria-pressed={mode === 'reply'} onClick={() => choose('reply')}>
          <Icon name="reply" size={15} />
          Reply
        </button>
      )}
      <button type="button" aria-pressed={mode === 'note'} onClick={() => choose('note')}>
        <Icon name="note" size={15} />
        Internal note
      </button>
    </fieldset>
  );
}

function fitHeight(input: HTMLTextAreaElement | null): void {
  if (!input) return;
  input.style.height = 'auto';
  input.style.height = `${Math.min(input.scrollHeight, MAX_HEIGHT_PX)}px`;
}
