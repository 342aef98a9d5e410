import type { WidgetOptions } from '../contract';

/** The options in the attributes of a script element. */
export function optionsOf(script: HTMLScriptElement): WidgetOptions {
  const { key, lang, theme, launcher, zIndex } = script.dataset;
  return {
    key: key ?? '',
    server: new URL('.', script.src).href,
    lang,
    theme: theme === 'light' || theme === 'dark' ? theme : undefined,
    launcher,
    zIndex: zIndex ? Number(zIndex) : undefined,
  };
}
