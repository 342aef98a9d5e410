// Storage of the browser. The panel is the only part of the widget that writes to it, and
// is loaded when the visitor opens the chat.

/** Entries with a common prefix. Without storage, they last as long as the page. */
export class DeviceStorage {
  readonly #area: Storage | null;
  readonly #prefix: string;
  readonly #memory = new Map<string, string>();

  constructor(area: 'localStorage' | 'sessionStorage', prefix: string) {
    this.#area = usableArea(area);
    this.#prefix = prefix;
  }

  read<T>(name: string): T | null {
    const text = this.#area?.getItem(this.#prefix + name) ?? this.#memory.get(name);
    if (text === undefined) return null;
    try {
      return JSON.parse(text) as T;
    } catch {
      return null;
    }
  }

  write(name: string, value: unknown): void {
    const text = JSON.stringify(value);
    this.#memory.set(name, text);
    try {
      this.#area?.setItem(this.#prefix + name, text);
    } catch {
      // The storage is full: the entry lasts as long as the page.
    }
  }

  remove(name: string): void {
    this.#memory.delete(name);
    this.#area?.removeItem(this.#prefix + name);
  }

  /** Calls `listener` when another tab changes the entry. */
  listen(name: string, listener: () => void, signal: AbortSignal): void {
    const onStorage = (event: StorageEvent) => {
      if (event.storageArea === this.#area && event.key === this.#prefix + name) listener();
    };
    window.addEventListener('storage', onStorage, { signal });
  }
}

/** Null if the browser blocks storage. */
function usableArea(area: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    window[area].getItem('parlor');
    return window[area];
  } catch {
    return null;
  }
}
