// A visit of a website, the same for each generated TypeScript client.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

const server = process.env['PARLOR_URL'] ?? '';

/** The base URL of the API of the running demo. */
export const baseUrl = `${server}/v2`;

/** The publishable key of the demo. */
export const apiKey = 'pk_demo';

export interface Query {
  orderBy: 'createdAt';
  orderDir: 'asc' | 'desc';
  limit: number;
  offset?: number;
  after?: string;
}

/** A page of conversations, with the headers of the response. */
export interface Page {
  total: number;
  data: { id: string }[];
  headers: Headers;
}

/** The requests of the visit. All but `readError` fail if the response is an error. */
export interface Client {
  /** Starts a session, which the other requests use. Returns the type of the visitor. */
  init(saVid: string): Promise<string>;
  start(idempotencyKey: string): Promise<{ id: string }>;
  list(query: Query): Promise<Page>;
  /** Returns the text of the answer. */
  send(conversationId: string, content: string): Promise<string | undefined>;
  /** Returns the raw response. */
  stream(conversationId: string, content: string): Promise<Response>;
  /** Parses a chunk of a stream. Returns its piece of the answer, or nothing. */
  readChunk(chunk: string): string;
  close(conversationId: string): Promise<{ success: boolean }>;
  read(conversationId: string): Promise<{ status: string; messages: { role: string }[] }>;
  /** Reads a conversation that does not exist. */
  readError(conversationId: string): Promise<{ status?: number; code?: string; details?: object }>;
}

export async function visit(client: Client): Promise<void> {
  assert.equal(await client.init(randomUUID()), 'anonymous');
  await startAndList(client);

  const idempotencyKey = randomUUID();
  const { id } = await client.start(idempotencyKey);
  assert.equal((await client.start(idempotencyKey)).id, id);
  assert.match((await client.send(id, 'How long does shipping take?')) ?? '', /working days/);
  const chunks = await readEvents(await client.stream(id, 'And to Spain?'));
  assert.equal(chunks.pop(), '[DONE]');
  assert.ok(chunks.map(client.readChunk).join(''));

  assert.equal((await client.close(id)).success, true);
  const { status, messages } = await client.read(id);
  assert.equal(status, 'closed');
  assert.deepEqual(messages.map((message) => message.role), ['user', 'assistant', 'user', 'assistant']);

  const conversationId = randomUUID();
  assert.deepEqual(await client.readError(conversationId),
    { status: 404, code: 'CONVERSATION_NOT_FOUND', details: { conversationId } });
}

/** Starts five conversations and reads all pages of the list, by offset and by cursor. */
async function startAndList(client: Client) {
  const query = { orderBy: 'createdAt', orderDir: 'desc', limit: 2 } as const;
  const started: string[] = [];
  for (let number = 0; number < 5; number += 1) started.push((await client.start(randomUUID())).id);

  const byOffset: string[] = [];
  let total: number;
  do {
    const page = await client.list({ ...query, offset: byOffset.length });
    byOffset.push(...page.data.map((conversation) => conversation.id));
    total = page.total;
  } while (byOffset.length < total);
  assert.deepEqual([...byOffset].sort(), started.sort());

  const byCursor: string[] = [];
  let after: string | undefined;
  do {
    const page = await client.list({ ...query, after });
    byCursor.push(...page.data.map((conversation) => conversation.id));
    after = nextCursor(page.headers);
  } while (after);
  assert.deepEqual(byCursor, byOffset);
}

/** Returns the cursor of the `next` link. */
function nextCursor(headers: Headers): string | undefined {
  const next = headers.get('Link')?.match(/<([^>]*)>; rel="next"/)?.[1];
  return next ? (new URL(next, server).searchParams.get('after') ?? undefined) : undefined;
}

/** Reads the data of all events of a stream. */
async function readEvents(response: Response): Promise<string[]> {
  assert.equal(response.headers.get('Content-Type'), 'text/event-stream');
  return [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '');
}
