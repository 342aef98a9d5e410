import { useMemo, useRef, useState } from 'react';
import { BASE_PATH, navigate, useQuery, withQuery } from '../app/router';
import { conversationPath } from '../app/routes';
import { usePageTitle } from '../app/title';
import { useMedia } from '../app/useMedia';
import { ConversationPage } from '../conversation/ConversationPage';
import { classes, EmptyState } from '../ui';
import { ConversationList, type ListHandle } from './ConversationList';
import { POSITION_PARAMETER, parseFilters } from './filters';
import { HelpDialog } from './HelpDialog';
import help from './HelpDialog.module.css';
import styles from './InboxPage.module.css';
import { ListHeader } from './ListHeader';
import { useShortcuts } from './useShortcuts';

/** From this width the list is next to the conversation. */
const TWO_PANES = '(min-width: 1000px)';

/** The list of conversations, and the one that is open. */
export function InboxPage({ conversationId }: { conversationId: string | null }) {
  usePageTitle('Inbox');
  const [query] = useQuery();
  const search = withQuery(`${query}`, {});
  const filterText = withQuery(search, { [POSITION_PARAMETER]: null });
  const filters = useMemo(() => parseFilters(new URLSearchParams(filterText)), [filterText]);
  const list = useRef<ListHandle>(null);
  const searchField = useRef<HTMLInputElement>(null);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const isTwoPanes = useMedia(TWO_PANES);
  const isListHidden = conversationId !== null && !isTwoPanes;

  const open = (id: string) => {
    navigate(conversationPath(id) + location.search, { replace: conversationId !== null });
  };
  const move = (rows: number) => (event: KeyboardEvent) => {
    event.preventDefault();
    // Enter opens the row, instead of what was clicked before.
    if (event.target instanceof HTMLElement) event.target.blur();
    const row = list.current?.moveCursor(rows);
    if (row && conversationId) open(row.id);
  };
  useShortcuts({
    j: move(1),
    k: move(-1),
    Enter: ({ target }) => {
      const row = list.current?.cursorRow();
      if (row && target === document.body) open(row.id);
    },
    Escape: () => {
      if (conversationId) navigate(BASE_PATH + location.search);
    },
    '/': (event) => {
      event.preventDefault();
      if (isListHidden) navigate(BASE_PATH + location.search);
      searchField.current?.focus();
    },
    '?': () => setHelpOpen(true),
  });

  return (
    <div className={classes(styles.panes, isTwoPanes && styles.two)}>
      <section
        className={classes(styles.list, isListHidden && styles.hidden)}
        aria-label="List of conversations"
        inert={isListHidden}
      >
        <ListHeader filters={filters} searchField={searchField} onHelp={() => setHelpOpen(true)} />
        <ConversationList
          key={filterText}
          handle={list}
          filters={filters}
          search={search}
          openId={conversationId}
        />
      </section>
      {conversationId ? (
        <div className={styles.conversation}>
          <ConversationPage
            key={conversationId}
            conversationId={conversationId}
            backHref={isTwoPanes ? null : BASE_PATH + search}
          />
        </div>
      ) : (
        isTwoPanes && (
          <div className={styles.conversation}>
            <NothingOpen />
          </div>
        )
      )}
      <HelpDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

function NothingOpen() {
  return (
    <EmptyState
      icon="message"
      title="No conversation is open"
      text={
        <span className={help.hint}>
          Choose one from the list, or use <kbd>j</kbd> <kbd>k</kbd> <kbd>Enter</kbd>
        </span>
      }
    />
  );
}
