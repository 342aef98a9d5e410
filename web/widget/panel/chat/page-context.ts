// The page on which the visitor writes, as the API takes it.

const MAX_SELECTION_CHARACTERS = 2_000;

export class PageContext {
  readonly #host: Element;
  /** The text that was selected when the focus came into the widget, and the address then. */
  #selection: { text: string; url: string } | null = null;

  /** `host` is the element of the widget. */
  constructor(host: Element, signal: AbortSignal) {
    this.#host = host;
    this.#readSelection();
    // The input field takes the selection with the focus, so it is read before.
    host.addEventListener('focusin', () => this.#readSelection(), { signal });
  }

  /** The context of one message. Text that was selected belongs to the next message only. */
  take() {
    if (document.activeElement !== this.#host) this.#readSelection();
    const { text, url } = this.#selection ?? {};
    this.#selection = null;
    return {
      url: location.href,
      title: document.title || null,
      textSelection: text && url === location.href ? text : null,
    };
  }

  #readSelection(): void {
    const text = window.getSelection()?.toString().trim().slice(0, MAX_SELECTION_CHARACTERS);
    this.#selection = text ? { text, url: location.href } : null;
  }
}
