// The text in the input field, for each conversation. It survives a reload of the page.

import type { DeviceStorage } from './device-storage';

export class Drafts {
  readonly #storage: DeviceStorage;

  constructor(storage: DeviceStorage) {
    this.#storage = storage;
  }

  read(conversation: string | null): string {
    return this.#storage.read<string>(entryName(conversation)) ?? '';
  }

  write(conversation: string | null, text: string): void {
    if (text) this.#storage.write(entryName(conversation), text);
    else this.#storage.remove(entryName(conversation));
  }

  /** The conversation got its id while the visitor wrote. */
  move(from: string | null, to: string | null): void {
    const text = this.read(from);
    if (!text) return;
    this.write(from, '');
    this.write(to, text);
  }
}

function entryName(conversation: string | null): string {
  return `draft:${conversation ?? 'new'}`;
}
