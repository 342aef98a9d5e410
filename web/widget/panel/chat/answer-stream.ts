// Reads the event stream of an answer (docs/api-contract.md, section 7).

import { createParser } from 'eventsource-parser';

/** How a stream ended. `cut`: without an end, because the connection was lost. */
export type StreamEnd = 'finished' | 'stopped' | 'failed' | 'cut';

export interface AnswerListener {
  onStart(messageId: string | null): void;
  /** The text so far. */
  onText(text: string): void;
}

/** The server sends at least a comment every 15 seconds. */
const SILENCE_TIMEOUT_MS = 40_000;

const ENDS: Record<string, StreamEnd> = { finish: 'finished', abort: 'stopped', error: 'failed' };

interface Chunk {
  type?: string;
  messageId?: string;
  delta?: string;
}

export async function readAnswer(
  body: ReadableStream<Uint8Array>,
  listener: AnswerListener,
): Promise<StreamEnd> {
  let end: StreamEnd = 'cut';
  let text = '';
  const parser = createParser({
    onEvent({ data }) {
      const chunk = parseChunk(data);
      if (chunk.type === 'start') listener.onStart(chunk.messageId ?? null);
      if (chunk.type === 'text-delta') {
        text += chunk.delta ?? '';
        listener.onText(text);
      }
      end = ENDS[chunk.type ?? ''] ?? end;
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await withTimeout(reader.read());
      if (done) break;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } catch {
    reader.cancel().catch(() => {});
  }
  return end;
}

/** Rejects if the promise takes longer than the server may be silent. */
async function withTimeout<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the server is silent')), SILENCE_TIMEOUT_MS);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

function parseChunk(data: string): Chunk {
  try {
    return JSON.parse(data) as Chunk;
  } catch {
    // `[DONE]`
    return {};
  }
}
