// Live events of the project: one WebSocket, which is opened again after it was closed and
// then gets the events that it missed.

import type { Message } from '../../shared/api';
import type { ConversationListItem, WaitingReason } from './api';

export interface PresentAgent {
  id: string;
  name: string;
  avatarUrl: string | null;
  isOnline: boolean;
  isAway: boolean;
}

export type InboxEvent =
  | { type: 'hello'; stream: string; sequence: number }
  /** Events are missing: everything has to be read again. */
  | { type: 'resync'; stream: string; sequence: number }
  | { type: 'conversation_created'; conversation: ConversationListItem }
  | { type: 'conversation_updated'; conversation: ConversationListItem }
  | { type: 'conversation_deleted'; chatId: string }
  | { type: 'new_message'; chatId: string; message: Message }
  /** A message has changed, such as its feedback. */
  | { type: 'message_updated'; chatId: string; message: Message }
  | { type: 'message_deleted'; chatId: string; messageId: string }
  /** Only of the watched conversation. `offset`: where in the text the delta belongs. */
  | { type: 'message_delta'; chatId: string; messageId: string; offset: number; delta: string }
  | { type: 'message_done'; chatId: string; message: Message }
  | {
      type: 'waiting';
      chatId: string;
      waitingSince: string | null;
      reason: WaitingReason | null;
    }
  | {
      type: 'typing';
      chatId: string;
      isTyping: boolean;
      from: 'visitor' | 'agent';
      agent?: { id: string; name: string };
    }
  | { type: 'presence'; agents: PresentAgent[] };

export type EventType = InboxEvent['type'];
export type EventOf<Type extends EventType> = Extract<InboxEvent, { type: Type }>;

/** `connecting` is the state before the first connection. */
export type ConnectionState = 'connecting' | 'open' | 'closed';

const MIN_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** A connection that slept longer may be dead without a sign of it. */
const MAX_SLEEP_MS = 60_000;

/** The part of `WebSocket` that the stream uses. */
export interface Socket {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface EventStreamOptions {
  /** `after` is the last event that arrived, as `STREAM:SEQUENCE`. */
  connect(after: string | null): Socket;
  /** A connection ended before the server greeted. The session may have ended. */
  onRefused?(): void;
}

export class EventStream {
  state: ConnectionState = 'connecting';
  private socket: Socket | null = null;
  private position: { stream: string; sequence: number } | null = null;
  private wasGreeted = false;
  private watched: string | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly handlers = new Set<(event: InboxEvent) => void>();
  private readonly stateListeners = new Set<() => void>();

  constructor(private readonly options: EventStreamOptions) {}

  /** Calls `handler` for every event until the returned function is called. */
  subscribe(handler: (event: InboxEvent) => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  /** Calls `listener` after a change of `state`. */
  subscribeState = (listener: () => void): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  /** Asks for the text of answers in a conversation while they are written; null: in none. */
  watch(conversationId: string | null): void {
    this.sendWatch('unwatch');
    this.watched = conversationId;
    this.sendWatch('watch');
  }

  private sendWatch(type: 'watch' | 'unwatch'): void {
    if (!this.watched || !this.wasGreeted) return;
    this.socket?.send(JSON.stringify({ type, chatId: this.watched }));
  }

  /** Opens the connection, at once and again if there is one. */
  open(): void {
    this.close();
    this.wasGreeted = false;
    const { position } = this;
    const socket = this.options.connect(position && `${position.stream}:${position.sequence}`);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.receive(String(data));
    socket.onclose = () => this.reopenLater();
  }

  close(): void {
    clearTimeout(this.timer);
    if (!this.socket) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private reopenLater(): void {
    this.socket = null;
    if (!this.wasGreeted) this.options.onRefused?.();
    const delay = Math.min(MIN_DELAY_MS * 2 ** this.failures, MAX_DELAY_MS);
    this.failures += 1;
    // Inboxes that lost their server together do not come back together.
    this.timer = setTimeout(() => this.open(), delay * (0.5 + Math.random() / 2));
    this.setState('closed');
  }

  private receive(text: string): void {
    const event = parseEvent(text);
    if (!event) return;
    if (event.type === 'hello') this.greet(event.stream, event.sequence);
    else if (event.type === 'resync') {
      this.position = { stream: event.stream, sequence: event.sequence };
    } else if (this.position && event.sequence !== undefined) {
      this.position.sequence = event.sequence;
    }
    for (const handler of this.handlers) handler(event);
  }

  /** The events that the server repeats come after its greeting. */
  private greet(stream: string, sequence: number): void {
    if (this.position?.stream !== stream) this.position = { stream, sequence };
    this.wasGreeted = true;
    this.failures = 0;
    this.setState('open');
    this.sendWatch('watch');
  }

  private setState(state: ConnectionState): void {
    this.state = state;
    for (const listener of this.stateListeners) listener();
  }
}

type Frame = InboxEvent & { sequence?: number };

function parseEvent(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    const isEvent = typeof value === 'object' && value !== null && 'type' in value;
    return isEvent ? (value as Frame) : null;
  } catch {
    return null;
  }
}

/** The stream of this page's server. */
export function connectEvents(after: string | null): Socket {
  const url = new URL('/v2/events', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  if (after) url.searchParams.set('after', after);
  return new WebSocket(url);
}

/** Opens the connection again when the network or the tab comes back. */
export function reopenOnReturn(stream: EventStream): () => void {
  let hiddenSince = Number.POSITIVE_INFINITY;
  const reopen = () => stream.open();
  const changeVisibility = () => {
    const isHidden = document.visibilityState === 'hidden';
    const slept = Date.now() - hiddenSince > MAX_SLEEP_MS;
    hiddenSince = isHidden ? Date.now() : Number.POSITIVE_INFINITY;
    if (!isHidden && (slept || stream.state === 'closed')) reopen();
  };
  window.addEventListener('online', reopen);
  document.addEventListener('visibilitychange', changeVisibility);
  return () => {
    window.removeEventListener('online', reopen);
    document.removeEventListener('visibilitychange', changeVisibility);
  };
}
