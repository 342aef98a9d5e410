// The title of the tab, with the number of conversations that wait, and its icon.

import { useEffect } from 'react';
import iconUrl from '../../pages/favicon.svg?no-inline';
import waitingIconUrl from '../../pages/favicon-waiting.svg?no-inline';

let page = 'Inbox';
let waiting = 0;

function update(): void {
  document.title = waiting > 0 ? `(${waiting}) ${page}` : page;
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
  const href = waiting > 0 ? waitingIconUrl : iconUrl;
  if (icon && icon.getAttribute('href') !== href) icon.href = href;
}

/** The title of the page while the component is mounted. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    page = title;
    update();
  }, [title]);
}

/** How many conversations wait for a person. */
export function useWaitingTitle(count: number): void {
  useEffect(() => {
    waiting = count;
    update();
  }, [count]);
}
