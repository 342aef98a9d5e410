// The client of parlor's API. `api-types.d.ts` is generated from the OpenAPI document.

import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './api-types';

type Schemas = components['schemas'];
export type Conversation = Schemas['Conversation'];
export type ConversationListItem = Schemas['ConversationListItem'];
export type Message = Schemas['Message'];
export type Project = Schemas['Project'];
export type WidgetConfig = Project['chatWidgetConfig'];
export type Feedback = 'like' | 'dislike' | null;

export type Api = Client<paths>;

/** `base` is the URL of the API, such as `https://chat.example/v2`. */
export function createApi(base: string, fetch: (request: Request) => Promise<Response>): Api {
  return createClient<paths>({ baseUrl: base, fetch });
}

/** A response that is not a success. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly details: Record<string, unknown>,
  ) {
    super(`${status} ${code}`);
  }

  /** The seconds that the server asks to wait, or null. */
  get retryAfter(): number | null {
    const seconds = Number(this.details.retryAfter);
    return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  }
}

/** The error of a response that is not a success. The body may be anything. */
export async function requestError(response: Response): Promise<RequestError> {
  const body: unknown = await response.json().catch(() => null);
  return toRequestError(response.status, body);
}

function toRequestError(status: number, body: unknown): RequestError {
  const error = (body as { error?: { code?: unknown; details?: unknown } } | null)?.error;
  const details = typeof error?.details === 'object' && error.details !== null ? error.details : {};
  return new RequestError(status, String(error?.code ?? ''), details as Record<string, unknown>);
}

/** The body of a successful response of the client; other responses are thrown. */
export function unwrap<T>(result: { data?: T; error?: unknown; response: Response }): T {
  if (!result.response.ok) throw toRequestError(result.response.status, result.error);
  return result.data as T;
}
