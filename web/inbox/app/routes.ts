// The pages of the inbox and their addresses.

import type { IconName } from '../ui/Icon';
import { BASE_PATH } from './router';

export type PageName =
  | 'inbox'
  | 'knowledge'
  | 'appearance'
  | 'keys'
  | 'agents'
  | 'notifications'
  | 'overview'
  | 'account';

export interface PageInfo {
  name: PageName;
  href: string;
  label: string;
  icon: IconName;
  /** Only owners see and open the page. */
  isOwnerOnly?: boolean;
}

export const PAGES: readonly PageInfo[] = [
  { name: 'inbox', href: BASE_PATH, label: 'Inbox', icon: 'inbox' },
  { name: 'overview', href: `${BASE_PATH}/overview`, label: 'Overview', icon: 'chart' },
  { name: 'knowledge', href: `${BASE_PATH}/knowledge`, label: 'Knowledge', icon: 'book' },
  {
    name: 'appearance',
    href: `${BASE_PATH}/appearance`,
    label: 'Appearance',
    icon: 'palette',
    isOwnerOnly: true,
  },
  {
    name: 'keys',
    href: `${BASE_PATH}/keys`,
    label: 'Keys and websites',
    icon: 'key',
    isOwnerOnly: true,
  },
  { name: 'agents', href: `${BASE_PATH}/agents`, label: 'Agents', icon: 'users' },
  {
    name: 'notifications',
    href: `${BASE_PATH}/notifications`,
    label: 'Notifications',
    icon: 'bell',
    isOwnerOnly: true,
  },
  { name: 'account', href: `${BASE_PATH}/account`, label: 'Your account', icon: 'user' },
];

export type Route = { page: PageName; conversationId: string | null };

/** The route of a path; null if there is none. */
export function parseRoute(pathname: string): Route | null {
  const path = pathname.replace(/\/+$/, '') || '/';
  const conversationId = /^\/inbox\/conversations\/([^/]+)$/.exec(path)?.[1];
  if (conversationId) return { page: 'inbox', conversationId };
  const page = PAGES.find(({ href }) => href === path);
  return page ? { page: page.name, conversationId: null } : null;
}

export function conversationPath(id: string): string {
  return `${BASE_PATH}/conversations/${id}`;
}
