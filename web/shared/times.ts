// Times as a language writes them.

const DAY_MS = 86_400_000;

/** A pause between two messages after which the time is shown. */
const PAUSE_MS = 3_600_000;

export function isLongPause(before: string | undefined, at: string): boolean {
  return !before || Date.parse(at) - Date.parse(before) > PAUSE_MS;
}

/** The time of a message; with the date, unless it is of today. */
export function formatTime(at: string, lang: string): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? {} : ({ day: 'numeric', month: 'short' } as const);
  const format = new Intl.DateTimeFormat(lang, { ...day, hour: 'numeric', minute: '2-digit' });
  return format.format(date);
}

/** How long ago a conversation was, in days, hours or minutes. */
export function formatAge(at: string, lang: string): string {
  const age = Date.now() - Date.parse(at);
  if (age > 7 * DAY_MS) {
    return new Intl.DateTimeFormat(lang, { day: 'numeric', month: 'short' }).format(new Date(at));
  }
  const format = new Intl.RelativeTimeFormat(lang, { numeric: 'auto', style: 'short' });
  if (age >= DAY_MS) return format.format(-Math.floor(age / DAY_MS), 'day');
  if (age >= 3_600_000) return format.format(-Math.floor(age / 3_600_000), 'hour');
  if (age >= 60_000) return format.format(-Math.floor(age / 60_000), 'minute');
  return format.format(0, 'second');
}
