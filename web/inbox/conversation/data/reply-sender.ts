// Sends the replies of an account. A reply stays in the outbox of the browser until the
// server has stored it, so that neither a failure nor a reload loses its text.

import { type Message, RequestError } from '../../../shared/api';
import type { Outbox, OutboxEntry } from '../../../shared/outbox';
import { randomId } from '../../../shared/random-id';

/** A reply that an earlier page was sending is sent again within this time. */
const MAX_RESEND_AGE_MS = 2 * 60_000;

export interface ReplySenderOptions {
  outbox: Outbox;
  /** The same entry may be posted several times; its key makes that harmless. */
  post(entry: OutboxEntry): Promise<Message>;
  onSent(entry: OutboxEntry, message: Message): void;
}

export class ReplySender {
  readonly #options: ReplySenderOptions;
  readonly #errors = new Map<string, unknown>();
  readonly #listeners = new Set<() => void>();
  /** The last request of each conversation: replies arrive in their order. */
  readonly #last = new Map<string, Promise<void>>();
  #entries: readonly OutboxEntry[];

  constructor(options: ReplySenderOptions) {
    this.#options = options;
    this.#entries = options.outbox.entries;
    this.#resume();
  }

  /** All replies that are not stored. The array is another one after each change. */
  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  /** Why the reply was not sent; undefined if that is not known. */
  errorOf(key: string): unknown {
    return this.#errors.get(key);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** `after` is the newest message that the agent saw. */
  send(conversation: string, content: string, after: string | null): void {
    const entry: OutboxEntry = {
      key: randomId(),
      conversation,
      content,
      body: JSON.stringify({ content }),
      after,
      createdAt: new Date().toISOString(),
      failed: false,
    };
    this.#options.outbox.add(entry);
    this.refresh();
    this.#deliver(entry);
  }

  retry(key: string): void {
    const entry = this.#entries.find((entry) => entry.key === key);
    if (!entry) return;
    this.#errors.delete(key);
    this.#options.outbox.update(key, { failed: false });
    this.refresh();
    this.#deliver(entry);
  }

  /** Sends what failed because the server could not be reached. */
  retryUnreachable(): void {
    for (const { key, failed } of this.#entries) {
      if (failed && isUnreachable(this.#errors.get(key))) this.retry(key);
    }
  }

  discard(key: string): void {
    this.#errors.delete(key);
    this.#options.outbox.remove(key);
    this.refresh();
  }

  /** Reads the outbox, which another tab may have changed. */
  refresh(): void {
    this.#entries = this.#options.outbox.entries;
    for (const listener of this.#listeners) listener();
  }

  #resume(): void {
    for (const entry of this.#entries) {
      if (entry.failed) continue;
      const age = Date.now() - Date.parse(entry.createdAt);
      if (age < MAX_RESEND_AGE_MS) this.#deliver(entry);
      else this.#options.outbox.update(entry.key, { failed: true });
    }
    this.refresh();
  }

  #deliver(entry: OutboxEntry): void {
    const id = entry.conversation ?? '';
    const before = this.#last.get(id) ?? Promise.resolve();
    const request = before.then(() => this.#post(entry));
    this.#last.set(id, request);
  }

  async #post(entry: OutboxEntry): Promise<void> {
    try {
      const message = await this.#options.post(entry);
      this.#options.onSent(entry, message);
      this.discard(entry.key);
    } catch (error) {
      this.#errors.set(entry.key, error);
      this.#options.outbox.update(entry.key, { failed: true });
      this.refresh();
    }
  }
}

/** Whether the same request may succeed later. */
export function isUnreachable(error: unknown): boolean {
  if (error === undefined) return false;
  return !(error instanceof RequestError) || error.status >= 500 || error.status === 429;
}

/** Whether another account has taken the conversation over. */
export function isTakenOver(error: unknown): boolean {
  return conflictOf(error) === 'humanAgent';
}

/** Whether the conversation was closed in the meantime. */
export function isClosed(error: unknown): boolean {
  return conflictOf(error) === 'status';
}

function conflictOf(error: unknown): unknown {
  const isConflict = error instanceof RequestError && error.status === 409;
  return isConflict ? error.details.conflictingField : null;
}
