// Times in the log.

const LANGUAGE = navigator.languages.find((language) => language.startsWith('en')) ?? 'en-GB';
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: 'numeric', minute: '2-digit' });
const weekday = { weekday: 'long', day: 'numeric', month: 'long' } as const;
const day = new Intl.DateTimeFormat(LANGUAGE, weekday);
const dayOfYear = new Intl.DateTimeFormat(LANGUAGE, { ...weekday, year: 'numeric' });
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });

const DAY_MS = 24 * 3_600_000;

export function formatClock(timestamp: string): string {
  return clock.format(new Date(timestamp));
}

/** "Today", "Yesterday", or the date. */
export function formatDay(timestamp: string, now = new Date()): string {
  const date = new Date(timestamp);
  for (const days of [0, 1]) {
    const other = new Date(now.getTime() - days * DAY_MS);
    if (date.toDateString() !== other.toDateString()) continue;
    const text = relative.format(-days, 'day');
    return text.charAt(0).toUpperCase() + text.slice(1);
  }
  return (date.getFullYear() === now.getFullYear() ? day : dayOfYear).format(date);
}
