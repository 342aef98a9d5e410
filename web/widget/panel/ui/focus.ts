const FOCUSABLE = 'button:not([disabled]), textarea, a[href], [tabindex="0"]';

/** The input field; on a touch screen the panel, because a keyboard would cover half of it. */
export function firstFocus(input: HTMLElement | null, panel: HTMLElement | null) {
  return window.matchMedia('(pointer: coarse)').matches ? panel : (input ?? panel);
}

/** On a small screen the panel covers the page, so Tab stays in it. */
export function keepFocusInside(panel: HTMLElement, event: KeyboardEvent): void {
  if (!window.matchMedia('(max-width: 480px)').matches) return;
  const elements = [...panel.querySelectorAll<HTMLElement>(FOCUSABLE)];
  const [first, last] = [elements[0], elements.at(-1)];
  const current = (panel.getRootNode() as ShadowRoot).activeElement;
  if (event.shiftKey && current === first) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && current === last) {
    event.preventDefault();
    first?.focus();
  }
}
