// Contrast of colours (WCAG 2), as src/domain/color.rs computes it.

/** Red, green and blue from 0 to 255. */
type Color = readonly [number, number, number];

const WHITE = '#ffffff';
const BLACK = '#000000';

/** The least contrast of text. */
export const MIN_TEXT_CONTRAST = 4.5;

/** Parses `#rgb` or `#rrggbb`; anything else is black. */
function parse(text: string): Color {
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text)?.[1] ?? '000';
  const long = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits;
  const value = Number.parseInt(long, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function format(color: Color): string {
  return `#${color.map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`;
}

function luminance(color: Color): number {
  const [r, g, b] = color.map((value) => {
    const channel = value / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(parse(a)), luminance(parse(b))].sort((x, y) => x - y) as [
    number,
    number,
  ];
  return (light + 0.05) / (dark + 0.05);
}

/** `share` of `color` and the rest of `other`. */
export function mix(color: string, other: string, share: number): string {
  const [a, b] = [parse(color), parse(other)];
  return format(a.map((value, i) => value * share + (b[i] ?? 0) * (1 - share)) as never);
}

/** Black or white, whichever can be read better on `background`. */
export function textOn(background: string): string {
  return contrast(WHITE, background) >= MIN_TEXT_CONTRAST ||
    contrast(WHITE, background) > contrast(BLACK, background)
    ? WHITE
    : BLACK;
}

/** `color`, moved towards black or white until it can be read on `background`. */
export function readable(color: string, background: string, ratio = MIN_TEXT_CONTRAST): string {
  const end = textOn(background);
  for (let share = 1; share > 0; share -= 0.05) {
    const candidate = mix(color, end, share);
    if (contrast(candidate, background) >= ratio) return candidate;
  }
  return end;
}
