// An OpenAI-compatible server that misbehaves as it is told. A question names what
// it should do in brackets, with a tag that keeps questions apart: `[breaks-1f0c]`.

import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

/** The beginning of every answer, and what follows unless something happens. */
export const BEGINNING = 'Your parcel left Köln';
const REST = [' this', ' morning', ' 📦', '.'];
export const WHOLE = BEGINNING + REST.join('');

/** A question that makes the model do this. */
export const question = (deed) => {
  const tag = `${deed}-${randomUUID().slice(0, 8)}`;
  return { tag, words: `Where is my parcel? [${tag}]` };
};

const chunk = (delta, finish = null) => `data: ${JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'test',
  choices: [{ index: 0, delta, finish_reason: finish }],
})}\n\n`;

/** In pieces that cut through letters, as a network may. */
async function write(response, events) {
  const bytes = Buffer.from(events);
  for (let at = 0; at < bytes.length && !response.destroyed; at += 61) {
    response.write(bytes.subarray(at, at + 61));
    await new Promise(setImmediate);
  }
}

async function begin(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const words = BEGINNING.match(/\s?\S+/g).map((content) => chunk({ content }));
  await write(response, [': hello\n\n', chunk({ role: 'assistant', content: '' }), ...words].join(''));
}

const refuse = (response, status, headers = {}) => {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end('{"error":{"message":"out of memory on gpu-7.internal","type":"server_error"}}');
};

const DEEDS = {
  async says(response) {
    await begin(response);
    const usage = { id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 9, completion_tokens: 7, total_tokens: 16 } };
    const end = `${chunk({}, 'stop')}data: ${JSON.stringify(usage)}\n\ndata: [DONE]\n\n`;
    await write(response, REST.map((content) => chunk({ content })).join('') + end);
    response.end();
  },
  refuses: (response) => refuse(response, 500),
  overloads: (response) => refuse(response, 503, { 'Retry-After': '7' }),
  async breaks(response) {
    await begin(response);
    response.destroy();
  },
  async garbles(response) {
    await begin(response);
    response.end('data: {"choices":[{"index":0,"del\n\n');
  },
  async complains(response) {
    await begin(response);
    response.end('data: {"error":{"message":"out of memory on gpu-7.internal"}}\n\ndata: [DONE]\n\n');
  },
  /** On and on, until the other side hangs up. */
  async flows(response) {
    await begin(response);
    const more = setInterval(() => response.write(chunk({ content: ' and on' })), 20);
    response.once('close', () => clearInterval(more));
  },
  stalls: begin,
  thinks: () => {},
};

export async function startModel() {
  const mended = new Set();
  const hangUps = new EventEmitter();
  const answer = async (request, response) => {
    const body = (await request.toArray()).join('');
    const asked = [...body.matchAll(/\[([a-z]+)-([0-9a-f]{8})\]/g)].at(-1);
    if (!request.url.endsWith('/chat/completions') || !asked) return refuse(response, 404);
    const tag = asked[0].slice(1, -1);
    response.once('close', () => { if (!response.writableFinished) hangUps.emit(tag); });
    return DEEDS[mended.has(tag) ? 'says' : asked[1]](response);
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    /** From now on this question is answered well. */
    mend: ({ tag }) => mended.add(tag),
    /** When the asker of this question hangs up. */
    hungUp: ({ tag }) => once(hangUps, tag, { signal: AbortSignal.timeout(5_000) }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
