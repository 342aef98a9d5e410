import { Fragment } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatTime, isLongPause } from '../../../shared/times';
import type { ChatState } from '../chat/chat';
import { useStore } from '../chat/store';
import { buildTimeline, type TimelineItem } from '../chat/timeline';
import { Icon } from './icons';
import { Dots, MessageItem } from './MessageItem';
import { usePanel } from './panel-context';
import { Starters } from './Starters';

/** The distance from the end within which new text is followed. */
const NEAR_END_PX = 60;

/** The welcome message of a project that has not set one. */
const DEFAULT_WELCOME = 'Hello! How can we help?';

export function Messages() {
  const { chat, texts, lang } = usePanel();
  const state = useStore(chat.store);
  const { messages, entries, answer } = state;
  const items = useMemo(
    () => buildTimeline(messages, entries, answer),
    [messages, entries, answer],
  );
  const { log, isNearEnd, onScroll, scrollToEnd } = useFollowing(items, state.isAgentTyping);
  return (
    <div class="messages">
      <div
        class="log"
        ref={log}
        role="log"
        aria-live="off"
        aria-label={texts.messages}
        aria-busy={answer !== null}
        tabIndex={0}
        onScroll={onScroll}
      >
        <Welcome />
        {items.map((item, index) => (
          <Fragment key={item.id}>
            {isLongPause(items[index - 1]?.createdAt, item.createdAt) && (
              <time class="pause" dateTime={item.createdAt}>
                {formatTime(item.createdAt, lang)}
              </time>
            )}
            <MessageItem item={item} isFirst={items[index - 1]?.role !== item.role} />
          </Fragment>
        ))}
        {state.isAgentTyping && (
          <div class="message human_agent first" data-state="waiting">
            <div class="body">
              <Dots label={texts.writing} />
            </div>
          </div>
        )}
        {state.isLoading && <p class="empty">{texts.loading}</p>}
        {items.length === 0 && !state.isLoading && <Starters />}
        <Problem state={state} last={items.at(-1)} />
      </div>
      {!isNearEnd && (
        <button
          type="button"
          class="to-end"
          aria-label={texts.newest}
          title={texts.newest}
          onClick={scrollToEnd}
        >
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

function Welcome() {
  const { texts, context } = usePanel();
  const { welcomeMessage } = context.project.chatWidgetConfig;
  if (!welcomeMessage) return null;
  const text = welcomeMessage === DEFAULT_WELCOME ? texts.welcome : welcomeMessage;
  return (
    <div class="message assistant first">
      <div class="body" dir="auto">
        <p class="plain">{text}</p>
      </div>
    </div>
  );
}

/** An answer that failed, with the button that sends the message again. */
function Problem({ state, last }: { state: ChatState; last: TimelineItem | undefined }) {
  const { chat, texts } = usePanel();
  const hasFailedEntry = state.entries.some((entry) => entry.failed);
  if (state.answer || (!hasFailedEntry && last?.state !== 'failed')) return null;
  return (
    <p class="problem" role="alert">
      {last?.state === 'unsent' ? texts.notSent : texts.failed}
      <button type="button" class="text-button" onClick={() => chat.retry()}>
        {texts.tryAgain}
      </button>
    </p>
  );
}

/** Keeps the end of the log in view, unless the visitor has scrolled up. */
function useFollowing(items: readonly TimelineItem[], isAgentTyping: boolean) {
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [isNearEnd, setNearEnd] = useState(true);
  const scrollToEnd = () => log.current?.scrollTo({ top: log.current.scrollHeight });
  const lastRole = items.at(-1)?.role;
  useLayoutEffect(() => {
    if (follows.current || lastRole === 'user') scrollToEnd();
  }, [items, isAgentTyping]);
  useLayoutEffect(() => {
    // The panel is opened, the window or the input field changes its size.
    const observer = new ResizeObserver(() => follows.current && scrollToEnd());
    if (log.current) observer.observe(log.current);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = log.current ?? {};
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    setNearEnd(follows.current);
  };
  return { log, isNearEnd, onScroll, scrollToEnd };
}
