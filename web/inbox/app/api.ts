// The client of the API. The cookie of the session is sent along by the browser.

import createClient from 'openapi-fetch';
import type { ApiPaths } from './staff-types';

export { RequestError, unwrap } from '../../shared/api';
export type * from './staff-types';

/** Called when the server no longer accepts the session. */
let signedOut: () => void = () => {};
export function onSignedOut(callback: () => void): void {
  signedOut = callback;
}

/** Requests that are made without a session. */
const SIGN_IN = /\/v2\/(setup|agents\/(me|sign-in|sign-in-link|sign-out))$/;

async function send(request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.status === 401 && !SIGN_IN.test(new URL(request.url).pathname)) signedOut();
  return response;
}

/**
 * The API: `unwrap(await api.GET('/agents'))` is the body of the response, and throws a
 * `RequestError` if it is not a success.
 */
export const api = createClient<ApiPaths>({
  baseUrl: new URL('/v2', location.href).href,
  fetch: send,
});
