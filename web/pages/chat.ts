// Opens the conversation of a link in an e-mail. The token of the link is behind `#`, which
// browsers send to no server.

import { DeviceStorage } from '../shared/device-storage';
import { CONVERSATION_ENTRY, storagePrefix } from '../widget/contract';
import { TOKEN_ENTRY } from '../widget/panel/chat/session';

interface LinkedSession {
  sessionToken: string;
  apiKey: string;
  conversationId: string;
}

/** The widget of this page, as far as the page uses it. */
interface ChatWidget {
  open(): void;
}

const TEXTS = {
  open: 'The conversation is open in the chat window.',
  ended: 'The link is no longer valid. Please start a new chat on the website.',
  limited: 'Too many attempts. Please open the link again in a minute.',
  failed: 'The conversation could not be opened. Please try the link again.',
};

function show(text: keyof typeof TEXTS): void {
  const state = document.querySelector('#state');
  if (state) state.textContent = TEXTS[text];
}

/** The token of the link. It disappears from the address bar and from the history. */
function takeToken(): string {
  const token = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  return token;
}

async function openLink(token: string): Promise<void> {
  const response = await fetch('./v2/identity/link', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) {
    show(response.status === 429 ? 'limited' : response.status < 500 ? 'ended' : 'failed');
    return;
  }
  startWidget((await response.json()) as LinkedSession);
}

/** Starts the widget with the session and the conversation of the link. */
function startWidget({ sessionToken, apiKey, conversationId }: LinkedSession): void {
  const storage = new DeviceStorage('localStorage', storagePrefix(apiKey, null));
  storage.write(TOKEN_ENTRY, sessionToken);
  storage.write(CONVERSATION_ENTRY, conversationId);
  const script = document.createElement('script');
  script.src = './widget.js';
  script.dataset.key = apiKey;
  script.addEventListener('error', () => show('failed'));
  script.addEventListener('load', () => {
    (window as { parlor?: ChatWidget }).parlor?.open();
    show('open');
  });
  document.head.append(script);
}

const token = takeToken();
if (token) openLink(token).catch(() => show('failed'));
else show('ended');
