import type { ReactNode } from 'react';
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import favicon from '../../pages/favicon.svg?no-inline';
import { useWaitingAlerts } from '../list/useWaitingAlerts';
import { useWaitingCount } from '../list/useWaitingCount';
import {
  Avatar,
  classes,
  Icon,
  Menu,
  MenuItem,
  MenuSeparator,
  MenuTrigger,
  VisuallyHidden,
} from '../ui';
import { ErrorBoundary } from './ErrorBoundary';
import { useConnection } from './EventsProvider';
import styles from './Layout.module.css';
import { BASE_PATH, Link, usePathname } from './router';
import { PAGES, type PageInfo, parseRoute } from './routes';
import { useMe, useSignOut } from './session';
import { useWaitingTitle } from './title';

/** The pages in the bar at the bottom; the others are in its menu. */
const PRIMARY = new Set(['inbox', 'overview', 'knowledge']);

export function Layout({ children }: { children: ReactNode }) {
  const pathname = usePathname();
  const route = parseRoute(pathname);
  const isConversation = route?.conversationId != null;
  useWaitingTitle(useWaitingCount());
  useWaitingAlerts();
  return (
    <div className={classes(styles.layout, isConversation && styles.inConversation)}>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      <Navigation current={route?.page ?? null} />
      <div className={styles.banner}>
        <OfflineBanner />
      </div>
      <main id="main" className={styles.main} tabIndex={-1}>
        <ErrorBoundary resetKey={pathname}>{children}</ErrorBoundary>
      </main>
    </div>
  );
}

function usePages(): PageInfo[] {
  const { role } = useMe();
  return PAGES.filter((page) => !page.isOwnerOnly || role === 'owner');
}

function Navigation({ current }: { current: string | null }) {
  const { project } = useMe();
  const waiting = useWaitingCount();
  const pages = usePages().filter(({ name }) => name !== 'account');
  return (
    <nav className={styles.nav} aria-label="Pages">
      <div className={styles.brand}>
        <img src={favicon} alt="" width="26" height="26" />
        <span>{project.name}</span>
      </div>
      {pages.map(({ name, href, label, icon }) => (
        <Link
          key={name}
          href={href}
          title={label}
          aria-current={name === current ? 'page' : undefined}
          className={classes(styles.item, !PRIMARY.has(name) && styles.secondary)}
        >
          <Icon name={icon} size={20} />
          <span className={styles.label}>{label}</span>
          {name === 'inbox' && waiting > 0 && (
            <span className={styles.count} title={`${waiting} waiting for a person`}>
              {waiting > 99 ? '99+' : waiting}
              <VisuallyHidden> waiting for a person</VisuallyHidden>
            </span>
          )}
        </Link>
      ))}
      <MoreMenu />
      <div className={styles.space} />
      <div className={styles.accountSlot}>
        <AccountMenu />
      </div>
    </nav>
  );
}

/** The pages that have no place in the bar at the bottom. */
function MoreMenu() {
  const pages = usePages().filter(({ name }) => !PRIMARY.has(name));
  const signOut = useSignOut();
  return (
    <MenuTrigger>
      <Button className={styles.more ?? ''}>
        <Icon name="menu" size={20} />
        More
      </Button>
      <Menu>
        {pages.map(({ name, href, label, icon }) => (
          <MenuItem key={name} href={href} icon={icon}>
            {label}
          </MenuItem>
        ))}
        <MenuSeparator />
        <MenuItem icon="signOut" onAction={signOut}>
          Sign out
        </MenuItem>
      </Menu>
    </MenuTrigger>
  );
}

function AccountMenu() {
  const { name, email, avatarUrl, isAway } = useMe();
  const signOut = useSignOut();
  return (
    <MenuTrigger>
      <Button className={styles.account ?? ''}>
        <Avatar name={name} url={avatarUrl} size={30} presence={isAway ? 'away' : 'online'} />
        <span className={styles.accountName}>
          <strong>
            <VisuallyHidden>Account of </VisuallyHidden>
            {name}
          </strong>
          <span>{isAway ? 'Away' : email}</span>
        </span>
      </Button>
      <Menu>
        <MenuItem icon="user" href={`${BASE_PATH}/account`}>
          Your account
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon="signOut" onAction={signOut}>
          Sign out
        </MenuItem>
      </Menu>
    </MenuTrigger>
  );
}

/** A short interruption is not worth a message. */
const OFFLINE_DELAY_MS = 2_500;

/** Says that nothing arrives while there is no connection. */
export function OfflineBanner() {
  const isClosed = useConnection() === 'closed';
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(isClosed), isClosed ? OFFLINE_DELAY_MS : 0);
    return () => clearTimeout(timer);
  }, [isClosed]);
  return (
    <div role="status">
      {isShown && (
        <div className={styles.offline}>
          <Icon name="wifiOff" size={16} />
          No connection. The inbox updates itself when the server can be reached again.
        </div>
      )}
    </div>
  );
}
