// Notifications of the browser, with a sound, when a conversation begins to wait.

import { DeviceStorage } from '../../shared/device-storage';

const storage = new DeviceStorage('localStorage', 'parlor-inbox:');
const ENTRY = 'alerts';

/** `blocked`: the browser does not allow notifications. */
export type AlertState = 'on' | 'off' | 'blocked';

const listeners = new Set<() => void>();

export function subscribeAlerts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function alertState(): AlertState {
  if (!('Notification' in window) || Notification.permission === 'denied') return 'blocked';
  const isOn = Notification.permission === 'granted' && storage.read<boolean>(ENTRY) === true;
  return isOn ? 'on' : 'off';
}

/** Asks the browser for its permission if that is needed. */
export async function setAlerts(isOn: boolean): Promise<void> {
  if (isOn && Notification.permission === 'default') await Notification.requestPermission();
  storage.write(ENTRY, isOn);
  if (alertState() === 'on') playSound();
  for (const listener of listeners) listener();
}

/** How long other tabs leave a conversation to the tab that announced it. */
const ANNOUNCEMENT_MS = 10_000;

export interface Alert {
  title: string;
  text: string;
  /** Names the conversation and since when it waits. */
  tag: string;
  onClick: () => void;
}

/** Shows the notification, in one tab only. */
export async function showAlert({ title, text, tag, onClick }: Alert): Promise<void> {
  if (alertState() !== 'on') return;
  const show = async (lock: Lock | null) => {
    if (!lock) return;
    const notification = new Notification(title, { body: text, tag });
    notification.onclick = () => {
      window.focus();
      notification.close();
      onClick();
    };
    playSound();
    await new Promise((resolve) => setTimeout(resolve, ANNOUNCEMENT_MS));
  };
  if (!navigator.locks) return void show({} as Lock);
  await navigator.locks.request(`parlor-alert:${tag}`, { ifAvailable: true }, show);
}

/** Two notes, the second one higher: frequency in Hz and start in seconds. */
const NOTES = [
  [660, 0],
  [880, 0.14],
] as const;
const NOTE_SECONDS = 0.35;
const VOLUME = 0.12;

let audio: AudioContext | null = null;

function playSound(): void {
  audio ??= new AudioContext();
  const context = audio;
  // Browsers allow sounds after the first click or key in a page.
  void context.resume();
  for (const [frequency, start] of NOTES) {
    const time = context.currentTime + start;
    const oscillator = new OscillatorNode(context, { type: 'sine', frequency });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, time);
    gain.gain.linearRampToValueAtTime(VOLUME, time + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, time + NOTE_SECONDS);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(time);
    oscillator.stop(time + NOTE_SECONDS);
  }
}
