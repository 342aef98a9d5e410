import { useEffect, useState } from 'preact/hooks';
import { type ConversationListItem, unwrap } from '../../../shared/api';
import { textOf } from '../../../shared/message-text';
import { formatAge } from '../../../shared/times';
import { usePanel } from './panel-context';

const PAGE_SIZE = 20;

interface Loaded {
  items: ConversationListItem[];
  total: number;
  hasFailed: boolean;
}

export function History({ onOpen }: { onOpen: (id: string) => void }) {
  const { texts } = usePanel();
  const [loaded, loadMore] = useConversations();
  if (!loaded) return <p class="empty">{texts.loading}</p>;
  const { items, total, hasFailed } = loaded;
  const rest = hasFailed || items.length < total;
  return (
    <div class="history">
      {items.length === 0 && !hasFailed && <p class="empty">{texts.noHistory}</p>}
      <ul>
        {items.map((item) => (
          <Entry key={item.id} item={item} onOpen={onOpen} />
        ))}
      </ul>
      {hasFailed && <p class="empty">{texts.loadFailed}</p>}
      {rest && (
        <button type="button" class="text-button" onClick={loadMore}>
          {hasFailed ? texts.tryAgain : texts.more}
        </button>
      )}
    </div>
  );
}

function Entry({ item, onOpen }: { item: ConversationListItem; onOpen: (id: string) => void }) {
  const { texts, lang } = usePanel();
  const preview = item.lastMessage ? textOf(item.lastMessage).split('\n')[0] : '';
  return (
    <li>
      <button type="button" onClick={() => onOpen(item.id)}>
        <span class="name">{item.title ?? texts.untitled}</span>
        <time dateTime={item.lastInteractionAt}>{formatAge(item.lastInteractionAt, lang)}</time>
        <span class="preview">{preview?.replace(/[*_`#]/g, '')}</span>
      </button>
    </li>
  );
}

function useConversations(): [Loaded | null, () => void] {
  const { chat } = usePanel();
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const load = async () => {
    const before = loaded?.items ?? [];
    const query = { orderBy: 'lastInteractionAt', orderDir: 'desc', limit: PAGE_SIZE } as const;
    try {
      const result = await chat.api.GET('/conversations', {
        params: { query: { ...query, offset: before.length } },
      });
      const { data, total } = unwrap(result);
      const known = new Set(before.map(({ id }) => id));
      const items = [...before, ...data.filter(({ id }) => !known.has(id))];
      setLoaded({ items, total, hasFailed: false });
    } catch {
      setLoaded({ items: before, total: 0, hasFailed: true });
    }
  };
  useEffect(() => void load(), []);
  return [loaded, () => void load()];
}
