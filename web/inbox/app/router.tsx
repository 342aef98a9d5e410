// The address of the page as state. Routes are few and flat, and filters are the query, so
// that the history of the browser is all that is needed.

import {
  type AnchorHTMLAttributes,
  type MouseEvent,
  useCallback,
  useMemo,
  useSyncExternalStore,
} from 'react';

/** The path below which the inbox lives. */
export const BASE_PATH = '/inbox';

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) window.addEventListener('popstate', notify);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener('popstate', notify);
  };
}

function notify(): void {
  for (const listener of listeners) listener();
}

export interface NavigateOptions {
  /** Replaces the current entry of the history instead of adding one. */
  replace?: boolean;
}

/** Shows another address of the inbox, such as `/inbox/agents`. */
export function navigate(to: string, { replace = false }: NavigateOptions = {}): void {
  const url = new URL(to, location.href);
  if (url.href === location.href) return;
  if (replace) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
  notify();
}

export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** The query of the address, and a function that changes some of its parameters. */
export function useQuery(): [
  URLSearchParams,
  (changes: QueryChanges, o?: NavigateOptions) => void,
] {
  const search = useSyncExternalStore(subscribe, () => location.search);
  const query = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback((changes: QueryChanges, options?: NavigateOptions) => {
    navigate(location.pathname + withQuery(location.search, changes), options);
  }, []);
  return [query, change];
}

/** Null removes the parameter. */
export type QueryChanges = Record<string, string | null>;

/** The query with the changes, with its question mark, or an empty text. */
export function withQuery(search: string, changes: QueryChanges): string {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** Whether the browser should handle a click on a link, because it opens a tab or saves. */
export function opensElsewhere(event: MouseEvent<HTMLAnchorElement>): boolean {
  const { target } = event.currentTarget;
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return modified || event.button !== 0 || (target !== '' && target !== '_self');
}

/** A link to another address of the inbox. */
export function Link({
  href,
  replace = false,
  onClick,
  ...props
}: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string } & NavigateOptions) {
  const click = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || opensElsewhere(event)) return;
    event.preventDefault();
    navigate(href, { replace });
  };
  return <a {...props} href={href} onClick={click} />;
}
