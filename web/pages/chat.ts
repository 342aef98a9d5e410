// Opens the conversation of a link in an e-mail. The token of the link is behind `#`, which
// browsers send to no server.

import { DeviceStorage } from '../shared/device-storage';
import { CONVERSATION_ENTRY, storagePrefix } from '../widget/contract';
import { chooseLanguage } from '../widget/loader/labels';
import { load } from '../widget/loader/load';
import { TOKEN_ENTRY } from '../widget/panel/chat/session';
import { chatTexts } from './chat-texts';

interface LinkedSession {
  sessionToken: string;
  apiKey: string;
  conversationId: string;
}

/** The page has no server of its own: it is below the address of parlor. */
const SERVER = new URL('.', location.href).href;

const language = chooseLanguage([navigator.language]);
const texts = chatTexts(language);

type State = 'opening' | 'missing' | 'ended' | 'limited' | 'failed';

/** After this time the page says that it takes too long. */
const OPENING_TIMEOUT_MS = 10_000;

/** The states in which another attempt can succeed. */
const CAN_RETRY: ReadonlySet<State> = new Set(['limited', 'failed']);

const main = document.querySelector('main') as HTMLElement;
const button = main.querySelector('button') as HTMLButtonElement;

function show(state: State): void {
  const [title, text] = texts[state];
  main.hidden = false;
  (main.querySelector('h1') as HTMLElement).textContent = title;
  (main.querySelector('p') as HTMLElement).textContent = text;
  button.hidden = !CAN_RETRY.has(state);
}

/** The publishable key of the conversation that this tab shows, so that a reload keeps it. */
const tab = new DeviceStorage('sessionStorage', 'parlor-chat:');
const KEY_ENTRY = 'key';

/** The token of the link. It disappears from the address bar and from the history. */
function takeToken(): string {
  const token = location.hash.slice(1);
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

async function openLink(token: string): Promise<void> {
  show('opening');
  const response = await fetch(`${SERVER}v2/identity/link`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  }).catch(() => null);
  if (response?.ok) openSession((await response.json()) as LinkedSession);
  else show(stateOf(response?.status ?? 0));
}

function stateOf(status: number): State {
  if (status === 429) return 'limited';
  return status >= 400 && status < 500 ? 'ended' : 'failed';
}

function openSession({ sessionToken, apiKey, conversationId }: LinkedSession): void {
  const storage = new DeviceStorage('localStorage', storagePrefix(apiKey, null));
  storage.write(TOKEN_ENTRY, sessionToken);
  storage.write(CONVERSATION_ENTRY, conversationId);
  tab.write(KEY_ENTRY, apiKey);
  void openChat(apiKey);
}

/** Shows the conversation that is stored for the key. */
async function openChat(apiKey: string): Promise<void> {
  const onSessionEnd = () => {
    widget.destroy();
    tab.remove(KEY_ENTRY);
    show('ended');
  };
  const widget = load({
    key: apiKey,
    server: SERVER,
    lang: language,
    launcher: 'none',
    page: { onSessionEnd },
  });
  countInTitle(widget);
  // The widget tries on, and may still succeed.
  const timer = setTimeout(() => show('failed'), OPENING_TIMEOUT_MS);
  await widget.open();
  clearTimeout(timer);
  if (widget.isOpen) main.hidden = true;
  else show('failed');
}

/** Counts the messages that arrive while the visitor looks at another tab. */
function countInTitle(widget: EventTarget): void {
  const { title } = document;
  let count = 0;
  widget.addEventListener('message', (event) => {
    const { role } = (event as CustomEvent<{ role: string }>).detail;
    if (role === 'user' || !document.hidden) return;
    count += 1;
    document.title = `(${count}) ${title}`;
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    count = 0;
    document.title = title;
  });
}

function start(): void {
  document.documentElement.lang = language;
  document.documentElement.dir = language === 'ar' ? 'rtl' : 'ltr';
  document.title = texts.title;
  button.textContent = texts.retry;
  const token = takeToken();
  const apiKey = tab.read<string>(KEY_ENTRY);
  button.onclick = () => (token ? void openLink(token) : location.reload());
  if (token) void openLink(token);
  else if (apiKey) void openChat(apiKey);
  else show('missing');
}

start();
// Another link that is opened in this tab changes only the part behind `#`.
addEventListener('hashchange', () => location.hash && location.reload());
