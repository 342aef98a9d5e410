// How the overview writes figures.

const NONE = '–';

/** A share from 0 to 1 as a percentage. */
export function formatShare(share: number | null): string {
  return share === null ? NONE : `${Math.round(share * 100)} %`;
}

/** A waiting time in the unit that people use for it. */
export function formatWait(seconds: number | null): string {
  if (seconds === null) return NONE;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A date such as "2026-11-26" as "26 Nov". */
export function formatDay(date: string): string {
  const options = { day: 'numeric', month: 'short', timeZone: 'UTC' } as const;
  return new Date(`${date}T00:00:00Z`).toLocaleDateString('en-GB', options);
}
