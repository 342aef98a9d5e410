// A fake OpenAI-compatible server. The answer to a question with a tag stops after its first
// part, until the test releases the rest. Other questions are answered after a moment.

import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

export const FIRST_PART = 'Your parcel left';
export const COMPLETE_ANSWER = `${FIRST_PART} this morning.`;

/** How long the answer to a question without a tag takes. */
const ANSWER_TIME_MS = 100;

/** A question with a tag of its own. */
export const question = () => `Where is my parcel? [${randomUUID()}]`;

const tagOf = (text) => [...text.matchAll(/\[([0-9a-f-]{36})\]/g)].at(-1)?.[1];

const chunk = (delta, finish = null) => `data: ${JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'test',
  choices: [{ index: 0, delta, finish_reason: finish }],
})}\n\n`;

export async function startModel() {
  const events = new EventEmitter();
  const server = createServer(async (request, response) => {
    const tag = tagOf((await request.toArray()).join(''));
    response.once('close', () => { if (!response.writableFinished) events.emit(`closed ${tag}`); });
    const sendRest = () => {
      const rest = chunk({ content: COMPLETE_ANSWER.slice(FIRST_PART.length) });
      response.end(`${rest}${chunk({}, 'stop')}data: [DONE]\n\n`);
    };
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(chunk({ role: 'assistant', content: FIRST_PART }));
    if (tag) events.once(`released ${tag}`, sendRest);
    else setTimeout(sendRest, ANSWER_TIME_MS);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    /** Sends the rest of the answer to this question. */
    release: (text) => events.emit(`released ${tagOf(text)}`),
    /** Resolves when the client that sent this question disconnects. */
    disconnected: (text) => once(events, `closed ${tagOf(text)}`),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
