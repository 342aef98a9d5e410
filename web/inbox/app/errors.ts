// What people read when a request fails.

import { RequestError } from './api';

/** What a password has to be. */
export const PASSWORD_RULE = 'Choose a password with at least 10 characters.';

/** The text for an error of a request. */
export function errorText(error: unknown): string {
  if (error instanceof TypeError) return 'The server cannot be reached.';
  if (!(error instanceof RequestError)) return 'Something went wrong.';
  if (error.status === 403) return 'Your account may not do this. An owner can.';
  if (error.status === 404) return 'This no longer exists.';
  if (error.status === 409) return 'Someone else has changed this in the meantime.';
  if (error.status === 429) return 'Too many requests. Wait a moment and try again.';
  if (error.status >= 500) return 'The server could not do this. Try again in a moment.';
  const invalid = fieldError(error);
  return invalid ? `${invalid.field}: ${invalid.reason}` : 'The server refused this request.';
}

/** The field of a request that is invalid, and why; null for other errors. */
export function fieldError(error: unknown): { field: string; reason: string } | null {
  if (!(error instanceof RequestError)) return null;
  const { field, reason } = error.details;
  if (typeof field !== 'string') return null;
  return { field, reason: typeof reason === 'string' ? reason : 'is missing or invalid' };
}
