// The element of the widget in the page. Its shadow root keeps the styles of the page
// and of the widget apart.

/** Above the usual dialogs and cookie notices of pages. */
const Z_INDEX = 2147483000;

/** Declarations that no style sheet of the page can change. */
const HOST_STYLE = 'all:initial!important;position:relative!important;display:block!important;';

export class Host {
  readonly element = document.createElement('parlor-chat');
  readonly root = this.element.attachShadow({ mode: 'open' });
  readonly #observer = new MutationObserver(() => this.attach());

  readonly #container: HTMLElement | undefined;

  constructor(zIndex = Z_INDEX, container?: HTMLElement) {
    this.#container = container;
    // Through the object model: a strict content security policy forbids the attribute.
    this.element.style.cssText = `${HOST_STYLE}z-index:${zIndex}!important`;
    // Some page frameworks replace the body.
    this.#observer.observe(document.documentElement, { childList: true });
  }

  addStyle(css: string): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [...this.root.adoptedStyleSheets, sheet];
  }

  /** Puts the element into the page, if it is not there. */
  attach(): void {
    const container = this.#container ?? document.body;
    if (container && !this.element.isConnected) container.append(this.element);
  }

  remove(): void {
    this.#observer.disconnect();
    this.element.remove();
  }
}
