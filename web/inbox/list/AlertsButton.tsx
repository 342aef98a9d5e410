import { useSyncExternalStore } from 'react';
import { IconButton, toast } from '../ui';
import { alertState, setAlerts, subscribeAlerts } from './alerts';

/** Switches the notifications of the browser on and off. */
export function AlertsButton() {
  const state = useSyncExternalStore(subscribeAlerts, alertState);
  const toggle = async () => {
    if (state === 'blocked') {
      toast.error('The browser blocks notifications of this page. Allow them in its settings.');
      return;
    }
    await setAlerts(state === 'off');
    const next = alertState();
    if (next === 'on') toast.success('You are notified when a visitor waits for a person.');
    if (next === 'blocked') toast.error('The browser blocks notifications of this page.');
  };
  const label =
    state === 'on' ? 'Turn notifications off' : 'Notify me when a visitor waits for a person';
  return (
    <IconButton
      icon={state === 'on' ? 'bell' : 'bellOff'}
      label={label}
      onPress={() => void toggle()}
    />
  );
}
