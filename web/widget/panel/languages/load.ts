import type { Texts } from './texts';

type LanguageModule = { texts: Texts };

/** Each language is a file of its own, which is loaded when it is used. */
const languages = import.meta.glob<LanguageModule>(['./??.ts']);

export async function loadTexts(lang: string): Promise<Texts> {
  const load = languages[`./${lang}.ts`] ?? languages['./en.ts'];
  if (!load) throw new Error('the texts are missing');
  return (await load()).texts;
}
