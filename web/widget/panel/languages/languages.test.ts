import { expect, test } from 'vitest';
import { chatTexts } from '../../../pages/chat-texts';
import { bubbleLabel, chooseLanguage } from '../../loader/labels';
import type { Texts } from './texts';

const modules = import.meta.glob<{ texts: Texts }>('./??.ts', { eager: true });
const languages = Object.entries(modules).map(
  ([path, { texts }]) => [path.slice(2, 4), texts] as const,
);

test.each(languages)('%s has every text', (lang, texts) => {
  expect(languages).toHaveLength(16);
  for (const text of Object.values(texts)) expect(text.trim()).toBe(text);
  for (const text of Object.values(texts)) expect(text).not.toBe('');
  expect(texts.agentHere).toContain('{name}');
  expect(bubbleLabel(lang, true, 0)).toBe(texts.close);
  expect(chooseLanguage([lang])).toBe(lang);
  if (lang !== 'en') expect(chatTexts(lang)).not.toBe(chatTexts('en'));
});

test('language of the page precedes that of the browser', () => {
  expect(chooseLanguage([undefined, 'de-AT', 'fr'])).toBe('de');
  expect(chooseLanguage(['', null, 'fr-CA'])).toBe('fr');
  expect(chooseLanguage(['sv', 'de'])).toBe('en');
  expect(chooseLanguage(['constructor'])).toBe('en');
  expect(chooseLanguage([])).toBe('en');
});
