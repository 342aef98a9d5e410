// Messages that the visitor has sent and the server has not answered yet. They are
// stored, so that a reload, a lost connection or a restart of the server loses none.

import type { DeviceStorage } from '../../../shared/device-storage';
import { OUTBOX_ENTRY } from '../../contract';

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
  /** Whether the visitor must decide if it is sent again. */
  failed: boolean;
}

export class Outbox {
  readonly #storage: DeviceStorage;

  constructor(storage: DeviceStorage) {
    this.#storage = storage;
  }

  get entries(): OutboxEntry[] {
    const entries = this.#storage.read<OutboxEntry[]>(OUTBOX_ENTRY);
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
    if (entries.length) this.#storage.write(OUTBOX_ENTRY, entries);
    else this.#storage.remove(OUTBOX_ENTRY);
  }
}
