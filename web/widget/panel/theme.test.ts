import { expect, test } from 'vitest';
import type { WidgetConfig } from '../../shared/api';
import { contrast } from '../../shared/colors';
import { themeProperties } from './theme';

const DEFAULTS = {
  brandColor: '#1f6f5c',
  brandColorDark: null,
  userMessageBubbleColor: '#dcefe8',
  userMessageBubbleColorDark: null,
} as WidgetConfig;

const BRANDS = ['#1f6f5c', '#ffee00', '#000000', '#ffffff', '#c2185b', '#888888'];

test.each([false, true])('every text can be read, dark mode: %s', (isDark) => {
  for (const brandColor of BRANDS) {
    const theme = themeProperties({ ...DEFAULTS, brandColor }, isDark) as Record<string, string>;
    const ratio = (text: string, on: string) => contrast(theme[text] ?? '', theme[on] ?? '');
    for (const [text, on] of [
      ['text', 'background'],
      ['text', 'surface'],
      ['muted', 'background'],
      ['muted', 'surface'],
      ['link', 'background'],
      ['link', 'surface'],
      ['on-brand', 'brand'],
      ['on-bubble', 'bubble'],
      ['bubble-link', 'bubble'],
    ] as const) {
      expect(ratio(text, on), `${text} on ${on}, ${brandColor}`).toBeGreaterThanOrEqual(4.5);
    }
    expect(ratio('brand', 'background'), brandColor).toBeGreaterThanOrEqual(3);
  }
});

test('colours of the project are used where they can be read', () => {
  const config = { ...DEFAULTS, brandColor: '#0b6e4f', userMessageBubbleColor: '#203040' };
  const theme = themeProperties(config, false);
  expect(theme.brand).toBe('#0b6e4f');
  expect(theme.bubble).toBe('#203040');
  const dark = themeProperties({ ...config, userMessageBubbleColorDark: '#503040' }, true);
  expect(dark.bubble).toBe('#503040');
});
