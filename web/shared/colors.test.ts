import { expect, test } from 'vitest';
import { contrast, mix, readable, textOn } from './colors';

test('contrast has the values of WCAG', () => {
  expect(contrast('#000', '#fff')).toBe(21);
  expect(contrast('#fff', '#FFFFFF')).toBe(1);
  expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2);
});

test('text on a colour is white or black, whichever can be read', () => {
  expect(textOn('#1f6f5c')).toBe('#ffffff');
  expect(textOn('#dcefe8')).toBe('#000000');
  for (const color of ['#777777', '#ff0000', '#00ff00', '#ffee00', '#123456']) {
    expect(contrast(textOn(color), color)).toBeGreaterThanOrEqual(4.5);
  }
});

test('colour becomes readable on every background', () => {
  for (const background of ['#ffffff', '#171b19', '#dcefe8', '#777777', '#1f6f5c']) {
    for (const color of ['#1f6f5c', '#ffee00', '#000000', '#ffffff', '#777777']) {
      expect(contrast(readable(color, background), background)).toBeGreaterThanOrEqual(4.5);
    }
  }
  expect(readable('#1f6f5c', '#ffffff')).toBe('#1f6f5c');
});

test('mix of two colours is between them', () => {
  expect(mix('#ffffff', '#000000', 0.5)).toBe('#808080');
});
