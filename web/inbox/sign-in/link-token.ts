// The token of a sign-in link, `/inbox#link=TOKEN`, or of a set-up link, `/setup#TOKEN`.
// It is after the `#`, so that browsers do not send it to servers or in `Referer`.

/** The token of the sign-in link that was opened; null: none. */
export function signInToken(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('link');
}

/** Whether the link signs in at once, without the choice of a password: that of the demo. */
export function isDirectLink(): boolean {
  return new URLSearchParams(location.hash.slice(1)).has('direct');
}

/** The token of the set-up link that was opened; null: none. */
export function setUpToken(): string | null {
  return location.hash.slice(1) || null;
}

/** Removes the token from the address and the history. */
export function forgetToken(): void {
  history.replaceState(null, '', location.pathname + location.search);
}
