import { expect, test } from 'vitest';
import type { Config } from './AppearanceFields';
import { changedSettings } from './changed-settings';

const saved = { brandColor: '#1f6f5c', displayName: null, offset: { x: 20, y: 20 } } as Config;

test('only the settings that differ are sent', () => {
  const next = { ...saved, displayName: 'Tern & Co.', offset: { x: 20, y: 20 } };
  expect(changedSettings(saved, next)).toEqual({ displayName: 'Tern & Co.' });
  expect(changedSettings(saved, { ...saved, offset: { x: 0, y: 20 } })).toEqual({
    offset: { x: 0, y: 20 },
  });
  expect(changedSettings(saved, saved)).toEqual({});
});
