import { useSyncExternalStore } from 'react';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** English, in the user's way of writing dates and times where the browser knows one. */
const LANGUAGE = navigator.languages.find((language) => language.startsWith('en')) ?? 'en-GB';
const time = new Intl.DateTimeFormat(LANGUAGE, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: 'short' });
const day = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat(LANGUAGE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const full = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'full', timeStyle: 'short' });

/** A duration in one unit, such as "5m" or "2d". */
export function formatDuration(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}h`;
  return `${Math.floor(minutes / 60 / 24)}d`;
}

/** A time as short as it can be understood. */
export function formatTime(date: Date, now: Date): string {
  if (date.toDateString() === now.toDateString()) return time.format(date);
  if (now.getTime() - date.getTime() < 6 * DAY_MS && date < now) return weekday.format(date);
  return (date.getFullYear() === now.getFullYear() ? day : dayOfYear).format(date);
}

export function formatFullTime(date: Date): string {
  return full.format(date);
}

// One timer for all times of the page.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) timer = setInterval(tick, MINUTE_MS / 2);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** The current time, at most half a minute old. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export interface TimeProps {
  /** A timestamp of the API. */
  value: string;
  /** `duration`: how long ago, such as "5m". */
  as?: 'time' | 'duration';
}

/** A time that stays up to date. Its title has all of it. */
export function Time({ value, as = 'time' }: TimeProps) {
  const now = useNow();
  const date = new Date(value);
  const text =
    as === 'duration' ? formatDuration(now - date.getTime()) : formatTime(date, new Date(now));
  return (
    <time dateTime={value} title={formatFullTime(date)}>
      {text}
    </time>
  );
}
