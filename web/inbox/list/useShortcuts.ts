import { useEffect, useEffectEvent } from 'react';

/** Whether a key writes text at `target`. */
export function isTextField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input, textarea, select');
}

/** Whether a key belongs to a dialog or a menu that is open. */
function isOverlayOpen(): boolean {
  // A toast has the role of a dialog, and is not modal.
  const overlays =
    '[role=dialog], [role=alertdialog]:not([aria-modal=false]), [role=menu], [role=listbox]';
  return document.querySelector(overlays) !== null;
}

/** Calls the handler of a key, unless the key writes text or belongs to a dialog. */
export function useShortcuts(handlers: Record<string, (event: KeyboardEvent) => void>): void {
  const receive = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTextField(event.target) || isOverlayOpen()) return;
    const handler = handlers[event.key];
    if (!handler) return;
    handler(event);
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => receive(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
