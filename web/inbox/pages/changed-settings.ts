import type { Config } from './AppearanceFields';

/** The settings of `next` that differ from `saved`. */
export function changedSettings(saved: Config, next: Config): Partial<Config> {
  const entries = Object.entries(next).filter(([name, value]) => {
    const old = saved[name as keyof Config];
    return JSON.stringify(old) !== JSON.stringify(value);
  });
  return Object.fromEntries(entries) as Partial<Config>;
}
