// Reads the project's settings, which the button and the panel follow.

import type { Project } from '../../shared/api';

const FIRST_DELAY_MS = 2_000;
const MAX_DELAY_MS = 60_000;

/** What the developer of the page can do about a refusal. */
const REMEDIES: Record<number, string> = {
  401: 'The key is unknown or revoked. `parlor keys list` shows the keys.',
  403: 'The key does not allow this website. Create a key with `parlor keys create --origin`.',
  422: 'The script needs the attribute data-key with a publishable key (pk_…).',
};

/** Reads the project. Tries again while the server cannot be reached. */
export async function readProject(
  server: string,
  key: string,
  signal: AbortSignal,
): Promise<Project | null> {
  const url = `${server}v2/projects/current?apiKey=${encodeURIComponent(key)}`;
  for (let delay = FIRST_DELAY_MS; !signal.aborted; delay = Math.min(delay * 2, MAX_DELAY_MS)) {
    const response = await fetch(url, { signal }).catch(() => null);
    if (response?.ok) return response.json();
    const remedy = response && REMEDIES[response.status];
    if (remedy) {
      console.error(`parlor: the chat is not available here (${response.status}). ${remedy}`);
      return null;
    }
    await new Promise((done) => setTimeout(done, delay));
  }
  return null;
}
