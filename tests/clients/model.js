// A fake OpenAI-compatible server. A question names the behaviour of the server in
// brackets, with a unique suffix: `[disconnects-1f0c]`.

import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

/** The first part of every answer, and the rest of a complete answer. */
export const FIRST_PART = 'Your parcel left Köln';
const REST = [' this', ' morning', ' 📦', '.'];
export const COMPLETE_ANSWER = FIRST_PART + REST.join('');

/** A question that selects a behaviour. */
export const question = (behaviour) => {
  const tag = `${behaviour}-${randomUUID().slice(0, 8)}`;
  return { tag, content: `Where is my parcel? [${tag}]` };
};

const chunk = (delta, finish = null) => `data: ${JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'test',
  choices: [{ index: 0, delta, finish_reason: finish }],
})}\n\n`;

/** Writes in pieces that also split characters, as a network may do. */
async function write(response, events) {
  const bytes = Buffer.from(events);
  for (let start = 0; start < bytes.length && !response.destroyed; start += 61) {
    response.write(bytes.subarray(start, start + 61));
    await new Promise(setImmediate);
  }
}

async function sendFirstPart(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const content = FIRST_PART.match(/\s?\S+/g).map((content) => chunk({ content }));
  await write(response, [': hello\n\n', chunk({ role: 'assistant', content: '' }), ...content].join(''));
}

const sendError = (response, status, headers = {}) => {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end('{"error":{"message":"out of memory on gpu-7.internal","type":"server_error"}}');
};

const BEHAVIOURS = {
  async completes(response) {
    await sendFirstPart(response);
    const usage = { id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 9, completion_tokens: 7, total_tokens: 16 } };
    const end = `${chunk({}, 'stop')}data: ${JSON.stringify(usage)}\n\ndata: [DONE]\n\n`;
    await write(response, REST.map((content) => chunk({ content })).join('') + end);
    response.end();
  },
  fails: (response) => sendError(response, 500),
  overloads: (response) => sendError(response, 503, { 'Retry-After': '7' }),
  async disconnects(response) {
    await sendFirstPart(response);
    response.destroy();
  },
  async garbles(response) {
    await sendFirstPart(response);
    response.end('data: {"choices":[{"index":0,"del\n\n');
  },
  async reports(response) {
    await sendFirstPart(response);
    response.end('data: {"error":{"message":"out of memory on gpu-7.internal"}}\n\ndata: [DONE]\n\n');
  },
  /** Sends text until the client disconnects. */
  async continues(response) {
    await sendFirstPart(response);
    const more = setInterval(() => response.write(chunk({ content: ' and on' })), 20);
    response.once('close', () => clearInterval(more));
  },
  /** Sends the first part and nothing more. */
  stalls: sendFirstPart,
  /** Sends nothing. */
  waits: () => {},
};

export async function startModel() {
  const recovered = new Set();
  const disconnects = new EventEmitter();
  const answer = async (request, response) => {
    const body = (await request.toArray()).join('');
    const match = [...body.matchAll(/\[([a-z]+)-([0-9a-f]{8})\]/g)].at(-1);
    if (!request.url.endsWith('/chat/completions') || !match) return sendError(response, 404);
    const tag = match[0].slice(1, -1);
    response.once('close', () => { if (!response.writableFinished) disconnects.emit(tag); });
    return BEHAVIOURS[recovered.has(tag) ? 'completes' : match[1]](response);
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    /** From now on, this question gets a complete answer. */
    recover: ({ tag }) => recovered.add(tag),
    /** Resolves when the client that sent this question disconnects. */
    disconnected: ({ tag }) => once(disconnects, tag, { signal: AbortSignal.timeout(5_000) }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
