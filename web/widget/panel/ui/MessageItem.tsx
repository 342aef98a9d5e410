import { formatTime } from '../../../shared/times';
import type { TimelineItem } from '../chat/timeline';
import { Avatar } from './Avatar';
import { Icon } from './icons';
import { Markdown, PlainText } from './Markdown';
import { usePanel } from './panel-context';

export function MessageItem({ item, isFirst }: { item: TimelineItem; isFirst: boolean }) {
  const { texts, lang } = usePanel();
  const { role, state } = item;
  return (
    <div class={`message ${role} ${isFirst ? 'first' : ''}`} data-state={state}>
      {role === 'human_agent' && isFirst && item.agent && (
        <p class="author">
          <Avatar name={item.agent.name ?? ''} image={item.agent.image} />
          {item.agent.name}
        </p>
      )}
      {role === 'user' && <span class="hidden">{texts.you}: </span>}
      <div class="body" title={formatTime(item.createdAt, lang)} dir="auto">
        <Body item={item} />
      </div>
      {role === 'assistant' && state === 'complete' && <FeedbackButtons item={item} />}
      {state === 'sending' && <p class="note sending">{texts.sending}</p>}
    </div>
  );
}

function Body({ item }: { item: TimelineItem }) {
  const { texts } = usePanel();
  if (item.role === 'user') return <PlainText text={item.text} />;
  if (item.state === 'waiting') return <Dots label={texts.writing} />;
  const isStreaming = item.state === 'streaming';
  return <Markdown text={item.text} isStreaming={isStreaming} sourcesLabel={texts.sources} />;
}

export function Dots({ label }: { label: string }) {
  return (
    <span class="dots" role="img" aria-label={label}>
      <i />
      <i />
      <i />
    </span>
  );
}

function FeedbackButtons({ item }: { item: TimelineItem }) {
  const { chat, texts } = usePanel();
  const buttons = [
    ['like', texts.helpful],
    ['dislike', texts.notHelpful],
  ] as const;
  return (
    <div class={item.feedback ? 'feedback given' : 'feedback'}>
      {buttons.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-label={label}
          title={label}
          aria-pressed={item.feedback === value}
          onClick={() => void chat.rate(item.id, item.feedback === value ? null : value)}
        >
          <Icon name={value} />
        </button>
      ))}
    </div>
  );
}
