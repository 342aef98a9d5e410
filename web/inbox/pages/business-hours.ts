// The weekly hours in which agents answer, as the form changes them.

import type { BusinessHours, OpeningHours, Weekday } from '../app/api';

export const WEEKDAYS: readonly Weekday[] = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
];

const OFFICE_HOURS: OpeningHours = { from: '09:00', to: '17:00' };

/** Monday to Friday, in the time zone of the browser. */
export function defaultHours(): BusinessHours {
  const days = Object.fromEntries(WEEKDAYS.slice(0, 5).map((day) => [day, [OFFICE_HOURS]]));
  return { timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, days };
}

/** The time zones that the browser knows, and `current`. */
export function timeZones(current: string): string[] {
  const known = Intl.supportedValuesOf('timeZone');
  return known.includes(current) ? known : [current, ...known];
}

/** Replaces the hours of a day. No hours: the day is closed. */
export function withDay(
  hours: BusinessHours,
  day: Weekday,
  dayHours: OpeningHours[],
): BusinessHours {
  const { [day]: _, ...others } = hours.days;
  return { ...hours, days: dayHours.length > 0 ? { ...others, [day]: dayHours } : others };
}

/** Opens a closed day, and closes an open one. */
export function toggleDay(hours: BusinessHours, day: Weekday): BusinessHours {
  return withDay(hours, day, hours.days[day]?.length ? [] : [OFFICE_HOURS]);
}
