// What the loader and the panel know of each other. The loader is small and is loaded
// with the page; the panel is loaded when the visitor opens the chat.

import type { Project } from '../shared/api';

/** How a page configures the widget: attributes of its script, or arguments of `load`. */
export interface WidgetOptions {
  /** The publishable key. */
  key: string;
  /** The URL of the server, ending with a slash. */
  server: string;
  /** The language; without it, that of the page. */
  lang?: string | undefined;
  theme?: 'light' | 'dark' | undefined;
  /** A selector of the page's own buttons that open the chat; `none`: no button at all. */
  launcher?: string | undefined;
  zIndex?: number | undefined;
  /** The element that contains the widget; without it, the body of the page. */
  container?: HTMLElement | undefined;
  /** The settings; without them, the widget reads those of the server. */
  project?: Project | undefined;
  /** The page consists of the chat. Its session is stored already. */
  page?: ChatPageOptions | undefined;
}

/** A page that consists of the chat. */
export interface ChatPageOptions {
  /** The server no longer accepts the session. The widget starts no other one. */
  onSessionEnd(): void;
}

/** A person whom the website knows. */
export interface Identity {
  /** The website's own id of the person. */
  readonly subject: string;
  /** The signed token. The page may replace it by a newer one of the same person. */
  token: string;
}

/** What the panel gets from the loader. */
export interface PanelContext {
  root: ShadowRoot;
  options: WidgetOptions;
  project: Project;
  /** Null: the visitor is anonymous. */
  identity: Identity | null;
  lang: string;
  /** The visitor closes the panel. */
  close(): void;
  /** The number of unread messages changed. */
  setUnread(count: number): void;
  emit(type: WidgetEvent, detail: unknown): void;
}

/** The panel, as the loader controls it. */
export interface Panel {
  open(): void;
  close(): void;
  destroy(): void;
}

export interface PanelModule {
  mount(context: PanelContext): Promise<Panel>;
}

/** The events of `window.parlor`. */
export type WidgetEvent =
  | 'open'
  | 'close'
  | 'message'
  | 'unread'
  | 'destroy'
  /** The server has refused the token of `identify`. */
  | 'identityerror';

/** The names under which the widget stores its state, in `localStorage` and `sessionStorage`. */
export function storagePrefix(key: string, identity: Identity | null): string {
  return identity ? `parlor:${key}:${identity.subject}:` : `parlor:${key}:`;
}

/** Stored for a tab while its chat is open, so that it opens again after a reload. */
export const OPEN_ENTRY = 'open';
/** The conversation that the visitor had last. */
export const CONVERSATION_ENTRY = 'conversation';
/** Messages that the server has not confirmed. */
export const OUTBOX_ENTRY = 'outbox';
