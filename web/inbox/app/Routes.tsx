import { type ComponentType, lazy, Suspense } from 'react';
import { InboxPage } from '../list/InboxPage';
import { EmptyState, LinkButton, LoadingState } from '../ui';
import { BASE_PATH, usePathname } from './router';
import { type PageName, parseRoute } from './routes';

/** The pages that are loaded when they are opened. */
const LAZY_PAGES: Record<Exclude<PageName, 'inbox'>, ComponentType> = {
  knowledge: lazy(() => import('../pages/KnowledgePage')),
  appearance: lazy(() => import('../pages/AppearancePage')),
  keys: lazy(() => import('../pages/KeysPage')),
  agents: lazy(() => import('../pages/AgentsPage')),
  notifications: lazy(() => import('../pages/NotificationsPage')),
  overview: lazy(() => import('../pages/OverviewPage')),
  account: lazy(() => import('../pages/AccountPage')),
};

export function Routes() {
  const route = parseRoute(usePathname());
  if (!route) {
    return (
      <EmptyState icon="search" title="There is no such page">
        <LinkButton href={BASE_PATH}>Open the inbox</LinkButton>
      </EmptyState>
    );
  }
  if (route.page === 'inbox') return <InboxPage conversationId={route.conversationId} />;
  const Page = LAZY_PAGES[route.page];
  return (
    <Suspense fallback={<LoadingState label="Opening the page" />}>
      <Page />
    </Suspense>
  );
}
