// A language model whose answer a test writes, word by word.

import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

const chunk = (delta, finish = null) => `data: ${JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'test',
  choices: [{ index: 0, delta, finish_reason: finish }],
})}\n\n`;

export async function startModel() {
  let answers = [];
  const requests = new EventEmitter();
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join(''));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(chunk({ role: 'assistant', content: '' }));
    const answer = {
      question: body.messages.at(-1).content,
      write: (text) => response.write(chunk({ content: text })),
      end() {
        response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
      },
      /** The connection ends in the middle of the answer. */
      fail: () => response.destroy(),
      /** Whether nobody waits for the answer any more. */
      get isCancelled() {
        return response.destroyed;
      },
    };
    answers.push(answer);
    requests.emit('request');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    /** The next request that no test has taken, as an answer to write. */
    async nextAnswer() {
      while (this.pending === 0) {
        await once(requests, 'request', { signal: AbortSignal.timeout(30_000) });
      }
      return answers.shift();
    },
    /** The number of requests that no test has taken. */
    get pending() {
      answers = answers.filter((answer) => !answer.isCancelled);
      return answers.length;
    },
    /** Ends the answers that a test has left. */
    reset() {
      answers = [];
      server.closeAllConnections();
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
