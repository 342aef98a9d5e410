import { useStore } from '../chat/store';
import { Avatar } from './Avatar';
import { Icon } from './icons';
import { displayName, usePanel } from './panel-context';

export type View = 'chat' | 'history';

export function Header({ view, setView }: { view: View; setView: (view: View) => void }) {
  const { texts, context } = usePanel();
  return (
    <header>
      {view === 'history' ? (
        <>
          <IconButton icon="back" label={texts.back} onClick={() => setView('chat')} />
          <h2 class="title">{texts.history}</h2>
        </>
      ) : (
        <Partner />
      )}
      {view === 'chat' && (
        <IconButton icon="history" label={texts.history} onClick={() => setView('history')} />
      )}
      <NewChatButton setView={setView} />
      {!context.options.page && (
        <IconButton icon="close" label={texts.close} onClick={() => context.close()} />
      )}
    </header>
  );
}

/** With whom the visitor talks: the assistant or an agent. */
function Partner() {
  const { chat, texts, context } = usePanel();
  const { conversation } = useStore(chat.store);
  const agent = conversation?.isHumanHandled ? conversation.humanAgent : null;
  const name = displayName(context);
  const image = agent ? agent.image : context.project.chatWidgetConfig.assistantAvatar;
  const status = agent?.name ? texts.agentHere.replace('{name}', agent.name) : texts.assistant;
  return (
    <>
      <Avatar name={agent?.name ?? name} image={image} />
      <div class="title">
        <h2>{name}</h2>
        <p class={agent ? 'status present' : 'status'}>{status}</p>
      </div>
    </>
  );
}

function NewChatButton({ setView }: { setView: (view: View) => void }) {
  const { chat, texts } = usePanel();
  const { conversationId } = useStore(chat.store);
  if (!conversationId) return null;
  const onClick = () => {
    chat.openConversation(null);
    setView('chat');
  };
  return <IconButton icon="newChat" label={texts.newChat} onClick={onClick} />;
}

function IconButton(props: {
  icon: 'back' | 'history' | 'newChat' | 'close';
  label: string;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
