import { useLayoutEffect } from 'preact/hooks';
import { useStore } from '../chat/store';
import { Icon, StopIcon } from './icons';
import { usePanel } from './panel-context';

/** The longest message that the API accepts. */
const MAX_CHARACTERS = 10_000;
const MAX_HEIGHT_PX = 160;
/** The placeholder of a project that has not set one. */
const DEFAULT_PLACEHOLDER = 'Write a message';

export function Composer({ input }: { input: { current: HTMLTextAreaElement | null } }) {
  const { chat, texts, context } = usePanel();
  const { draft, answer, conversation } = useStore(chat.store);
  useLayoutEffect(() => fitHeight(input.current), [draft]);
  const { inputPlaceholder } = context.project.chatWidgetConfig;
  const placeholder =
    inputPlaceholder && inputPlaceholder !== DEFAULT_PLACEHOLDER
      ? inputPlaceholder
      : texts.placeholder;
  const isAnswering = answer !== null && !conversation?.isHumanHandled;
  const canSend = draft.trim() !== '' && !isAnswering;
  const submit = (event: Event) => {
    event.preventDefault();
    if (canSend) chat.send(draft.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // During the composition of a character, Enter confirms the character.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return (
    <form class="composer" onSubmit={submit}>
      <textarea
        ref={input}
        rows={1}
        value={draft}
        maxLength={MAX_CHARACTERS}
        placeholder={placeholder}
        aria-label={placeholder}
        enterkeyhint="send"
        autoComplete="off"
        onInput={(event) => chat.setDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isAnswering ? (
        <button
          type="button"
          class="send"
          aria-label={texts.stop}
          title={texts.stop}
          onClick={() => void chat.stop()}
        >
          <StopIcon />
        </button>
      ) : (
        <button
          type="submit"
          class="send"
          aria-label={texts.send}
          title={texts.send}
          aria-disabled={!canSend}
        >
          <Icon name="send" />
        </button>
      )}
    </form>
  );
}

function fitHeight(input: HTMLTextAreaElement | null): void {
  if (!input) return;
  input.style.height = 'auto';
  input.style.height = `${Math.min(input.scrollHeight, MAX_HEIGHT_PX)}px`;
  input.style.overflowY = input.scrollHeight > MAX_HEIGHT_PX ? 'auto' : 'hidden';
}
