// Who the visitor is, according to the website.

import type { Identity } from '../contract';

/** The identity of a token that the website's server has signed. The server verifies it. */
export function identityOf(token: string): Identity {
  const subject = claims(token)?.sub;
  if (typeof subject !== 'string' || !subject) {
    throw new TypeError('parlor.identify() needs a JSON Web Token with the claim "sub"');
  }
  return { subject, token };
}

function claims(token: string): { sub?: unknown } | null {
  try {
    const payload = token.split('.')[1] ?? '';
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return null;
  }
}

/** Removes what the widget has stored for an identity. */
export function forget(prefix: string): void {
  for (const area of ['localStorage', 'sessionStorage'] as const) {
    try {
      for (const name of Object.keys(window[area])) {
        if (name.startsWith(prefix)) window[area].removeItem(name);
      }
    } catch {
      // The browser blocks storage.
    }
  }
}
