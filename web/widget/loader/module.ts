// The ES module `widget.mjs`, for pages that are built with a bundler or load modules.

import type { WidgetOptions } from '../contract';
import { load as loadWidget } from './load';
import type { Widget } from './widget';

/** Starts the widget, or returns the one that runs. `server` defaults to that of the module. */
export function load(options: Omit<WidgetOptions, 'server'> & { server?: string }): Widget {
  const server = new URL('.', options.server ?? import.meta.url).href;
  return loadWidget({ ...options, server });
}

export type { Widget, WidgetOptions };
