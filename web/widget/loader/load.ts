import type { WidgetOptions } from '../contract';
import { Widget } from './widget';

declare global {
  interface Window {
    parlor?: Widget;
  }
}

/**
 * Starts the widget. A page has one: if the script runs again, the widget stays, unless
 * the key or the server is another one.
 */
export function load(options: WidgetOptions): Widget {
  const current = window.parlor;
  if (current instanceof EventTarget && 'attach' in current) {
    if (current.options.key === options.key && current.options.server === options.server) {
      current.attach();
      return current;
    }
    current.destroy();
  }
  const widget = new Widget(options);
  window.parlor = widget;
  window.dispatchEvent(new CustomEvent('parlor:ready', { detail: widget }));
  widget.start();
  return widget;
}
