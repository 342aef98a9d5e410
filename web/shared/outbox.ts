// Messages that a person has sent and the server has not accepted yet. They are stored, so
// that a reload, a lost connection or a restart of the server loses none.

import type { Message } from './api';
import type { DeviceStorage } from './device-storage';
import { textOf } from './message-text';

export interface OutboxEntry {
  /** The `Idempotency-Key`: the server stores the message once, however often it is sent. */
  key: string;
  /** Null until the conversation of a first message exists. */
  conversation: string | null;
  content: string;
  /** The body of the request. A repetition sends the same bytes. */
  body: string;
  /** The newest message of the conversation when this one was sent. */
  after: string | null;
  createdAt: string;
  /** Whether the author must decide if it is sent again. */
  failed: boolean;
}

export class Outbox {
  readonly #storage: DeviceStorage;
  readonly #name: string;

  /** `name` is the entry of the storage. */
  constructor(storage: DeviceStorage, name: string) {
    this.#storage = storage;
    this.#name = name;
  }

  get entries(): OutboxEntry[] {
    const entries = this.#storage.read<OutboxEntry[]>(this.#name);
    return Array.isArray(entries) ? entries : [];
  }

  /** The oldest message that can be sent. */
  get next(): OutboxEntry | undefined {
    return this.entries.find((entry) => !entry.failed);
  }

  add(entry: OutboxEntry): void {
    this.#save([...this.entries, entry]);
  }

  update(key: string, change: Partial<OutboxEntry>): void {
    this.#save(this.entries.map((entry) => (entry.key === key ? { ...entry, ...change } : entry)));
  }

  remove(key: string): void {
    this.#save(this.entries.filter((entry) => entry.key !== key));
  }

  #save(entries: OutboxEntry[]): void {
    if (entries.length) this.#storage.write(this.#name, entries);
    else this.#storage.remove(this.#name);
  }
}

/** The entries that `messages` do not contain yet, as messages of `role`. */
export function missingEntries(
  messages: readonly Message[],
  entries: readonly OutboxEntry[],
  role: Message['role'],
): OutboxEntry[] {
  const taken = new Set<string>();
  return entries.filter((entry) => {
    const start = messages.findIndex((message) => message.id === entry.after) + 1;
    const stored = messages
      .slice(start)
      .find((message) => isCopy(message, entry, role) && !taken.has(message.id));
    if (stored) taken.add(stored.id);
    return !stored;
  });
}

function isCopy(message: Message, entry: OutboxEntry, role: Message['role']): boolean {
  return message.role === role && textOf(message) === entry.content;
}
