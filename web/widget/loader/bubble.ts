// The button that opens the chat.

import type { Project } from '../../shared/api';
import { textOn } from '../../shared/colors';
import { bubbleLabel } from './labels';

const SVG = 'http://www.w3.org/2000/svg';
const CHAT_ICON =
  'M12 3.5c-5 0-9 3.4-9 7.7 0 2.4 1.3 4.6 3.3 6-.1 1-.5 2-1.2 2.8-.2.3 0 .7.3.7 1.8-.1 3.4-.7 4.6-1.6.6.1 1.3.2 2 .2 5 0 9-3.5 9-7.8S17 3.5 12 3.5Z';
const CLOSE_ICON = 'M6 9.5l6 6 6-6';

export class Bubble {
  readonly element = document.createElement('button');
  readonly #badge = document.createElement('span');
  readonly #lang: string;
  #isOpen = false;
  #unread = 0;

  constructor(project: Project, lang: string, onClick: () => void) {
    const { chatButtonColor, chatButtonIcon, brandColor, position, offset } =
      project.chatWidgetConfig;
    const color = chatButtonColor ?? brandColor;
    this.#lang = lang;
    this.element.type = 'button';
    this.element.className = `bubble ${position}`;
    this.element.setAttribute('part', 'bubble');
    this.element.setAttribute('aria-haspopup', 'dialog');
    this.#badge.className = 'badge';
    this.#badge.setAttribute('aria-hidden', 'true');
    const { style } = this.element;
    style.setProperty('--bubble', color);
    style.setProperty('--on-bubble', textOn(color));
    style.setProperty('--x', `${offset.x}px`);
    style.setProperty('--y', `${offset.y}px`);
    const open = chatButtonIcon ? picture(chatButtonIcon) : icon(CHAT_ICON, 'chat');
    this.element.append(open, icon(CLOSE_ICON, 'down'), this.#badge);
    this.element.addEventListener('click', onClick);
    this.#update();
  }

  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#update();
  }

  setUnread(count: number): void {
    this.#unread = count;
    this.#update();
  }

  #update(): void {
    this.element.classList.toggle('open', this.#isOpen);
    this.element.ariaExpanded = String(this.#isOpen);
    this.element.ariaLabel = bubbleLabel(this.#lang, this.#isOpen, this.#unread);
    this.#badge.textContent = this.#unread > 9 ? '9+' : String(this.#unread);
    this.#badge.hidden = this.#unread === 0 || this.#isOpen;
  }
}

function icon(path: string, className: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

function picture(url: string): HTMLImageElement {
  const image = new Image(28, 28);
  image.className = 'chat';
  image.alt = '';
  image.referrerPolicy = 'no-referrer';
  image.src = url;
  return image;
}
