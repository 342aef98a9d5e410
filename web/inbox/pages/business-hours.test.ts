import { expect, test } from 'vitest';
import { defaultHours, timeZones, toggleDay, withDay } from './business-hours';

test('the default is Monday to Friday', () => {
  const { days, timeZone } = defaultHours();
  expect(Object.keys(days)).toEqual(['monday', 'tuesday', 'wednesday', 'thursday', 'friday']);
  expect(timeZones(timeZone)).toContain(timeZone);
});

test('a day is opened and closed', () => {
  const hours = { timeZone: 'Europe/Berlin', days: {} };
  const open = toggleDay(hours, 'sunday');
  expect(open.days).toEqual({ sunday: [{ from: '09:00', to: '17:00' }] });
  expect(toggleDay(open, 'sunday')).toEqual(hours);
});

test('the hours of one day leave the others as they are', () => {
  const hours = toggleDay({ timeZone: 'Europe/Berlin', days: {} }, 'monday');
  const lunch = [
    { from: '09:00', to: '12:00' },
    { from: '13:00', to: '17:00' },
  ];
  expect(withDay(hours, 'friday', lunch).days).toEqual({ ...hours.days, friday: lunch });
});

test('a zone that the browser does not know can be chosen', () => {
  expect(timeZones('Mars/Olympus')[0]).toBe('Mars/Olympus');
});
