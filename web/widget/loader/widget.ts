// `window.parlor`: the widget of a page.

import type { Project } from '../../shared/api';
import {
  CONVERSATION_ENTRY,
  type Identity,
  OPEN_ENTRY,
  OUTBOX_ENTRY,
  type Panel,
  type PanelModule,
  storagePrefix,
  type WidgetEvent,
  type WidgetOptions,
} from '../contract';
import { Bubble } from './bubble';
import css from './bubble.css?inline';
import { Host } from './host';
import { forget, identityOf } from './identity';
import { chooseLanguage } from './labels';
import { readProject } from './project';

/** The path of the panel's module. The build sets it. */
declare const PANEL_PATH: string;

/** Time for the page to load before a panel is loaded that the visitor did not ask for. */
const BACKGROUND_DELAY_MS = 1_500;

export class Widget extends EventTarget {
  readonly options: WidgetOptions;
  readonly #host: Host;
  readonly #end = new AbortController();
  readonly #project: Promise<Project | null>;
  readonly #lang: string;
  #bubble: Bubble | null = null;
  #panel: Promise<Panel | null> | null = null;
  #identity: Identity | null = null;
  #isOpen = false;
  #unread = 0;
  /** The element that had the focus before the chat was opened. */
  #previousFocus: Element | null = null;

  constructor(options: WidgetOptions) {
    super();
    this.options = options;
    this.#host = new Host(options.zIndex, options.container);
    this.#host.addStyle(css);
    const page = document.documentElement.lang;
    this.#lang = chooseLanguage([options.lang, page, navigator.language]);
    this.#project = options.project
      ? Promise.resolve(options.project)
      : readProject(options.server, options.key, this.#end.signal);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens the chat. */
  async open(): Promise<void> {
    if (this.#isOpen || this.#end.signal.aborted) return;
    this.show();
    this.#previousFocus = document.activeElement;
    this.#setOpen(true);
    const identity = this.#identity;
    const panel = await this.#loadPanel();
    // Another person has a panel of their own, which `#switchTo` opens.
    if (identity !== this.#identity) return;
    if (!panel) this.#setOpen(false);
    else if (this.#isOpen) panel.open();
  }

  /** Closes the chat. The button stays. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    const hadFocus = document.activeElement === this.#host.element;
    this.#setOpen(false);
    (await this.#panel)?.close();
    const target = this.#bubble?.element ?? this.#previousFocus;
    if (hadFocus && target instanceof HTMLElement) target.focus();
  }

  /** Shows the button again after `hide`. */
  show(): void {
    this.#host.element.style.setProperty('display', 'block', 'important');
  }

  /** Closes the chat and hides the button. */
  hide(): void {
    void this.close();
    this.#host.element.style.setProperty('display', 'none', 'important');
  }

  /**
   * Switches to a person whom the website knows. The website's server has signed the
   * token. The conversations of the anonymous visitor stay where they are.
   */
  identify(token: string): void {
    const identity = identityOf(token);
    if (this.#identity?.subject === identity.subject) this.#identity.token = token;
    else this.#switchTo(identity);
  }

  /** Switches back to the anonymous visitor, and removes what is stored for the person. */
  reset(): void {
    if (!this.#identity) return;
    const prefix = storagePrefix(this.options.key, this.#identity);
    const end = this.#switchTo(null);
    forget(prefix);
    // What the panel has stored until it was gone.
    void end?.then(() => forget(prefix));
  }

  /** Removes the widget from the page. */
  destroy(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    void this.#panel?.then((panel) => panel?.destroy());
    this.#host.remove();
    if (window.parlor === this) delete window.parlor;
    this.#emit('destroy', null);
  }

  /** Puts the widget back into a page whose body was replaced. */
  attach(): void {
    this.#host.attach();
  }

  /** Shows the button when the settings of the project are known. */
  async start(): Promise<void> {
    if (document.readyState === 'loading') {
      await new Promise((done) => document.addEventListener('DOMContentLoaded', done));
    }
    const project = await this.#project;
    if (!project || this.#end.signal.aborted) return;
    this.#addLauncher(project);
    this.attach();
    this.#openUnasked(project.chatWidgetConfig.openDelay);
  }

  #addLauncher(project: Project): void {
    const { launcher } = this.options;
    if (!launcher) {
      this.#bubble = new Bubble(project, this.#lang, () => this.#toggle());
      this.#bubble.setOpen(this.#isOpen);
      this.#host.root.append(this.#bubble.element);
    } else if (launcher !== 'none') {
      const onClick = (event: Event) => {
        if ((event.target as Element).closest?.(launcher)) this.#toggle();
      };
      document.addEventListener('click', onClick, { signal: this.#end.signal });
    }
  }

  /** The promise is fulfilled when the panel of the previous person is gone. */
  #switchTo(identity: Identity | null): Promise<void> | undefined {
    this.#identity = identity;
    const panel = this.#panel;
    this.#panel = null;
    this.#setUnread(0);
    const end = panel?.then((old) => old?.destroy());
    if (this.#isOpen) void this.#loadPanel().then((next) => this.#isOpen && next?.open());
    else this.#continue();
    return end;
  }

  /** Continues what the visitor began before a reload or on another page. */
  #openUnasked(openDelay: number): void {
    if (openDelay > 0) this.#after(openDelay, () => this.open());
    this.#continue();
  }

  #continue(): void {
    const prefix = storagePrefix(this.options.key, this.#identity);
    if (readEntry('sessionStorage', prefix + OPEN_ENTRY)) {
      void this.open();
      return;
    }
    const entries = [CONVERSATION_ENTRY, OUTBOX_ENTRY].map((name) => prefix + name);
    if (entries.some((name) => readEntry('localStorage', name))) {
      this.#after(BACKGROUND_DELAY_MS, () => this.#loadPanel());
    }
  }

  #after(delay: number, run: () => void): void {
    const timer = setTimeout(run, delay);
    this.#end.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  #toggle(): void {
    void (this.#isOpen ? this.close() : this.open());
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#bubble?.setOpen(isOpen);
    this.#emit(isOpen ? 'open' : 'close', null);
  }

  #setUnread(count: number): void {
    if (count === this.#unread) return;
    this.#unread = count;
    this.#bubble?.setUnread(count);
    this.#emit('unread', { count });
  }

  #loadPanel(): Promise<Panel | null> {
    this.#panel ??= this.#importPanel(this.#identity).catch((error: unknown) => {
      // The next opening tries again.
      this.#panel = null;
      console.error('parlor: the chat could not be loaded.', error);
      return null;
    });
    return this.#panel;
  }

  async #importPanel(identity: Identity | null): Promise<Panel | null> {
    const url = this.options.server + PANEL_PATH;
    const [module, project] = await Promise.all([
      import(/* @vite-ignore */ url) as Promise<PanelModule>,
      this.#project,
    ]);
    const isOutdated = this.#end.signal.aborted || identity !== this.#identity;
    if (!project || isOutdated) return null;
    this.attach();
    return module.mount({
      root: this.#host.root,
      options: this.options,
      project,
      identity,
      lang: this.#lang,
      close: () => void this.close(),
      setUnread: (count) => this.#setUnread(count),
      emit: (type, detail) => this.#emit(type, detail),
    });
  }

  #emit(type: WidgetEvent, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Reads an entry. Browsers that block storage throw. */
function readEntry(area: 'localStorage' | 'sessionStorage', name: string): string | null {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}
