import { api, unwrap } from '../app/api';
import { useEvents } from '../app/EventsProvider';
import { navigate } from '../app/router';
import { conversationPath, parseRoute } from '../app/routes';
import { alertState, showAlert } from './alerts';
import { visitorName } from './people';

/** Notifies of conversations that begin to wait, unless the agent looks at them. */
export function useWaitingAlerts(): void {
  useEvents(['waiting'], async ({ chatId, waitingSince }) => {
    const isOpen = parseRoute(location.pathname)?.conversationId === chatId;
    if (!waitingSince || alertState() !== 'on' || (isOpen && document.hasFocus())) return;
    const params = { path: { conversationId: chatId }, query: { include: 'visitor' as const } };
    const result = await api.GET('/conversations/{conversationId}', { params });
    const { title, visitor } = unwrap(result);
    await showAlert({
      title: `${visitorName(visitor, chatId)} waits for a person`,
      text: title ?? '',
      tag: `${chatId}:${waitingSince}`,
      onClick: () => navigate(conversationPath(chatId)),
    });
  });
}
