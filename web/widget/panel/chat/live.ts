// Live events of a conversation over a WebSocket (docs/api-contract.md, section 8).

import type { Message } from '../../../shared/api';

export interface LiveEvent {
  type?: string;
  chatId?: string;
  message?: Message;
  /** Of the type `typing`. */
  isTyping?: boolean;
  agent?: { name: string | null } | null;
}

export interface LiveListener {
  /** The connection is open. Events before were missed: the conversation must be read. */
  onOpen(): void;
  onEvent(event: LiveEvent): void;
}

const PING_AFTER_MS = 30_000;
const DEAD_AFTER_MS = 60_000;
const CHECK_INTERVAL_MS = 3_000;
const MAX_DELAY_MS = 30_000;

export class LiveConnection {
  readonly #url: string;
  readonly #listener: LiveListener;
  readonly #onOnline = () => this.#reconnectNow();
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #check: ReturnType<typeof setInterval> | undefined;
  #attempts = 0;
  #lastFrame = 0;
  #lastPing = 0;
  #isClosed = false;

  constructor(url: string, listener: LiveListener) {
    this.#url = url;
    this.#listener = listener;
    window.addEventListener('online', this.#onOnline);
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    window.removeEventListener('online', this.#onOnline);
    this.#drop();
  }

  #connect(): void {
    this.#drop();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#lastFrame = Date.now();
    this.#lastPing = Date.now();
    socket.onopen = () => {
      this.#attempts = 0;
      this.#listener.onOpen();
    };
    socket.onmessage = ({ data }) => {
      this.#lastFrame = Date.now();
      const event = parseEvent(data);
      if (event) this.#listener.onEvent(event);
    };
    socket.onclose = () => this.#connectLater();
    this.#check = setInterval(() => this.#heartbeat(), CHECK_INTERVAL_MS);
  }

  #heartbeat(): void {
    const now = Date.now();
    const last = Math.max(this.#lastFrame, this.#lastPing);
    if (now - this.#lastFrame > DEAD_AFTER_MS) this.#connectLater();
    else if (now - last >= PING_AFTER_MS && this.#socket?.readyState === WebSocket.OPEN) {
      this.#lastPing = now;
      this.#socket.send('ping');
    }
  }

  #connectLater(): void {
    this.#drop();
    if (this.#isClosed) return;
    const delay = Math.min(1_000 * 2 ** this.#attempts, MAX_DELAY_MS);
    this.#attempts += 1;
    // Not all visitors at the same moment after a restart of the server.
    this.#timer = setTimeout(() => this.#connect(), delay * (0.75 + Math.random() / 2));
  }

  #reconnectNow(): void {
    this.#attempts = 0;
    if (this.#socket?.readyState !== WebSocket.OPEN) this.#connect();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#check);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}

function parseEvent(data: unknown): LiveEvent | null {
  try {
    const event: unknown = JSON.parse(String(data));
    return typeof event === 'object' ? (event as LiveEvent) : null;
  } catch {
    // `pong`
    return null;
  }
}
