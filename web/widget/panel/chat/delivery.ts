// Sends one message of the outbox, and reads the answer.

import { type Api, RequestError, requestError, unwrap } from '../../../shared/api';
import type { OutboxEntry } from '../../../shared/outbox';
import { type AnswerListener, readAnswer } from './answer-stream';

/**
 * The result of an attempt.
 *
 * - `done`: the server has the message and its answer, if there is one.
 * - `failed`: the answer failed; the visitor may try again.
 * - `retry`: the server could not be reached, or is busy.
 * - `closed`, `gone`: the conversation takes no messages, or does not exist.
 * - `refused`: the same request would be refused again.
 */
export type Delivery =
  | { kind: 'done' | 'failed' | 'closed' | 'gone' | 'refused' }
  | { kind: 'retry'; isReachable: boolean; seconds: number | null };

export interface Sender {
  api: Api;
  apiUrl: string;
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response>;
}

/** Creates the conversation of a first message. */
export async function startConversation(sender: Sender, entry: OutboxEntry): Promise<string> {
  const result = await sender.api.POST('/conversations', {
    body: { context: { pageUrl: location.href } },
    headers: { 'Idempotency-Key': `${entry.key}-start` },
  });
  return unwrap(result).id;
}

/** Sends the message to `conversation` and reads the answer until its end. */
export async function deliver(
  sender: Sender,
  conversation: string,
  entry: OutboxEntry,
  listener: AnswerListener,
  signal: AbortSignal,
): Promise<Delivery> {
  const response = await sender.fetch(`${sender.apiUrl}/conversations/${conversation}/messages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': entry.key },
    body: entry.body,
    signal,
  });
  if (!response.ok) throw await requestError(response);
  const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream');
  if (!isStream || !response.body) return { kind: 'done' };
  const end = await readAnswer(response.body, listener);
  if (end === 'cut' && !signal.aborted) return { kind: 'retry', isReachable: false, seconds: null };
  return { kind: end === 'failed' ? 'failed' : 'done' };
}

/** What an error of `startConversation` or `deliver` means for the message. */
export function classify(error: unknown): Delivery {
  if (!(error instanceof RequestError)) {
    return { kind: 'retry', isReachable: false, seconds: null };
  }
  const { status, details, retryAfter } = error;
  if (status === 409 && details.resource === 'conversation') return { kind: 'closed' };
  if (status === 404) return { kind: 'gone' };
  // An answer is running, or another tab sends this message.
  if (status === 409) return { kind: 'retry', isReachable: true, seconds: 1 };
  if (status === 429 || status === 503 || status === 504) {
    return { kind: 'retry', isReachable: status === 429, seconds: retryAfter };
  }
  if (status >= 500) return { kind: 'failed' };
  return { kind: 'refused' };
}
