// The colours of the panel, as custom properties.

import type { WidgetConfig } from '../../shared/api';
import { mix, readable, textOn } from '../../shared/colors';

/** The defaults of the API (src/domain/widget_config.rs). */
const DEFAULT_BUBBLE = '#dcefe8';
const DEFAULT_BRAND = '#1f6f5c';

interface Palette {
  background: string;
  surface: string;
  border: string;
  text: string;
  muted: string;
}

const LIGHT: Palette = {
  background: '#ffffff',
  surface: '#f3f5f4',
  border: '#e2e6e4',
  text: '#1a1f1d',
  muted: '#59635f',
};

const DARK: Palette = {
  background: '#171b19',
  surface: '#232927',
  border: '#343b38',
  text: '#eceeed',
  muted: '#a3ada9',
};

/** The least contrast of a button with the window. */
const MIN_GRAPHICS_CONTRAST = 3;

export function themeProperties(config: WidgetConfig, isDark: boolean): Record<string, string> {
  const palette = isDark ? DARK : LIGHT;
  const brand = isDark ? (config.brandColorDark ?? config.brandColor) : config.brandColor;
  const button = readable(brand, palette.background, MIN_GRAPHICS_CONTRAST);
  const bubble = bubbleColor(config, palette, isDark);
  return {
    ...palette,
    brand: button,
    'on-brand': textOn(button),
    link: readable(readable(brand, palette.surface), palette.background),
    bubble,
    'on-bubble': textOn(bubble) === '#ffffff' ? '#ffffff' : readable('#14201b', bubble),
    'bubble-link': readable(brand, bubble),
  };
}

/**
 * The colour of the visitor's messages. A project that has only changed its brand colour
 * gets a tint of that colour.
 */
function bubbleColor(config: WidgetConfig, palette: Palette, isDark: boolean): string {
  const { userMessageBubbleColor, userMessageBubbleColorDark, brandColor } = config;
  const isDefault = userMessageBubbleColor.toLowerCase() === DEFAULT_BUBBLE;
  if (isDark && userMessageBubbleColorDark) return userMessageBubbleColorDark;
  if (!isDefault) return userMessageBubbleColor;
  if (isDark) return mix(config.brandColorDark ?? brandColor, palette.background, 0.42);
  if (brandColor.toLowerCase() === DEFAULT_BRAND) return userMessageBubbleColor;
  return mix(brandColor, palette.background, 0.15);
}
