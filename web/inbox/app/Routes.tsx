import { type ComponentType, lazy, Suspense } from 'react';
import { InboxPage } from '../list/InboxPage';
import { EmptyState, LinkButton, LoadingState } from '../ui';
import { BASE_PATH, usePathname } from './router';
import { PAGES, type PageName, parseRoute } from './routes';
import { useMe } from './session';

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
  const isOwner = useMe().role === 'owner';
  if (!route) {
    return (
      <EmptyState icon="search" title="There is no such page">
        <LinkButton href={BASE_PATH}>Open the inbox</LinkButton>
      </EmptyState>
    );
  }
  if (route.page === 'inbox') return <InboxPage conversationId={route.conversationId} />;
  const { isOwnerOnly = false } = PAGES.find(({ name }) => name === route.page) ?? {};
  if (isOwnerOnly && !isOwner) {
    return (
      <EmptyState
        icon="key"
        title="Only owners can open this page"
        text="An owner of the inbox can change your role."
      />
    );
  }
  const Page = LAZY_PAGES[route.page];
  return (
    <Suspense fallback={<LoadingState label="Opening the page" />}>
      <Page />
    </Suspense>
  );
}
