import { useEffect, useRef, useState } from 'preact/hooks';
import { useStore } from '../chat/store';
import { Announcer } from './Announcer';
import { Composer } from './Composer';
import { firstFocus, keepFocusInside } from './focus';
import { Header, type View } from './Header';
import { History } from './History';
import { Messages } from './Messages';
import { displayName, usePanel } from './panel-context';

export function App({ isOpen }: { isOpen: boolean }) {
  const { chat, lang, context } = usePanel();
  const [view, setView] = useState<View>('chat');
  const input = useRef<HTMLTextAreaElement>(null);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // The page with a preview keeps the focus: its user is writing in a form.
    const isPreview = context.options.container !== undefined;
    if (isOpen && !isPreview) firstFocus(input.current, panel.current)?.focus();
  }, [isOpen]);
  const isPage = context.options.page !== undefined;
  const onKeyDown = (event: KeyboardEvent) => {
    if (isPage) return;
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      context.close();
    } else if (event.key === 'Tab' && panel.current) {
      keepFocusInside(panel.current, event);
    }
  };
  const open = (id: string) => {
    chat.openConversation(id);
    setView('chat');
  };
  const { position } = context.project.chatWidgetConfig;
  return (
    <section
      ref={panel}
      class={isPage ? 'panel page' : `panel ${position}`}
      role={isPage ? 'main' : 'dialog'}
      aria-label={displayName(context)}
      lang={lang}
      dir={lang === 'ar' ? 'rtl' : 'ltr'}
      data-open={isOpen}
      tabIndex={-1}
      inert={!isOpen}
      onKeyDown={onKeyDown}
    >
      <Header view={view} setView={setView} />
      {view === 'history' ? (
        <History onOpen={open} />
      ) : (
        <>
          <Banner />
          <Messages />
          <Foot input={input} />
        </>
      )}
      <Announcer />
    </section>
  );
}

/** Tells that the server cannot be reached, or that a message was not accepted. */
function Banner() {
  const { chat, texts } = usePanel();
  const { isConnected, notice } = useStore(chat.store);
  const text = isConnected ? notice && notice !== 'closed' && texts[notice] : texts.offline;
  return (
    <div role="status" class={text ? 'banner' : 'hidden'}>
      {text}
    </div>
  );
}

function Foot({ input }: { input: { current: HTMLTextAreaElement | null } }) {
  const { chat, texts, context } = usePanel();
  const { conversation, notice } = useStore(chat.store);
  const { privacyUrl } = context.project.chatWidgetConfig;
  const isClosed = conversation?.status === 'closed' || notice === 'closed';
  return (
    <footer>
      {isClosed ? (
        <div class="ended">
          <p>{texts.ended}</p>
          <button type="button" class="primary" onClick={() => chat.startNew()}>
            {texts.newChat}
          </button>
        </div>
      ) : (
        <Composer input={input} />
      )}
      {privacyUrl && (
        <a class="privacy" href={privacyUrl} target="_blank" rel="noopener noreferrer">
          {texts.privacy}
        </a>
      )}
    </footer>
  );
}
