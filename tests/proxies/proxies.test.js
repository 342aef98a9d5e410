// The snippets of docs/operations.md, each in front of a demo.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { fetch, newAddress, newConversation, newVisitor, open, openWebSocket } from './client.js';
import { COMPLETE_ANSWER, FIRST_PART, question, startModel } from './model.js';
import { isListening, startParlor, waitFor } from './programs.js';
import { HOST, PROXIES, startProxy } from './proxies.js';

const PUBLIC_URL = `https://${HOST}`;
const IP_RATE_LIMIT = 3;
const MAX_BODY_BYTES = 262_144;
const PRIVATE_KEY = { Authorization: 'Bearer sk_demo' };

/** Long enough for a debug build on a busy machine. */
const timeout = 60_000;

/** The URLs of a `Link` header, by relation. */
function links(header) {
  const entries = [...header.matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, url, relation]) => [relation, url]);
  return Object.fromEntries(entries);
}

/** The text of the answer in a stream of events. */
const answerText = (events) => [...events.matchAll(/^data: (\{.*"text-delta".*\})$/gm)]
  .map(([, json]) => JSON.parse(json).delta).join('');

/** Sends a question, and reads the stream of its answer until the model pauses. */
async function openAnswer(proxy, content) {
  const visitor = await newVisitor(proxy);
  const id = await newConversation(proxy, visitor);
  const response = await open(proxy, `/v2/conversations/${id}/messages`, {
    method: 'POST', headers: visitor, body: JSON.stringify({ content, stream: true }),
  });
  response.setEncoding('utf8');
  let events = '';
  response.on('data', (data) => { events += data; });
  const ended = once(response, 'close');
  while (answerText(events) !== FIRST_PART) {
    assert.ok(!response.closed, events);
    await Promise.race([once(response, 'data'), ended]);
  }
  const rest = async () => {
    await ended;
    return events;
  };
  return { id, visitor, response, rest };
}

const startSession = (proxy, address, headers) => fetch(proxy, '/v2/identity/init', {
  method: 'POST', address, headers, body: JSON.stringify({ apiKey: 'pk_demo', saVid: 'proxy' }),
});

/** Starts sessions from the address until the response is 429. */
async function exceedRateLimit(proxy, address) {
  for (let count = 0; count <= IP_RATE_LIMIT; count += 1) {
    const response = await startSession(proxy, address);
    if (response.status === 429) return response;
    assert.ok([200, 201].includes(response.status), response.body);
  }
  throw new Error('no response was 429');
}

async function start(name, model, { publicUrl }) {
  const directory = await mkdtemp(join(tmpdir(), `parlor-${name}-`));
  // The worker processes of nginx run as another user.
  await chmod(directory, 0o755);
  const args = ['--ip-rate-limit', String(IP_RATE_LIMIT), '--max-body-bytes', String(MAX_BODY_BYTES),
    '--model-url', model.url, '--model', 'test', '--model-private-network',
    ...(publicUrl ? ['--public-url', publicUrl] : [])];
  const settings = { db: join(directory, 'parlor.db'), args };
  const server = { parlor: await startParlor(settings) };
  server.restart = async () => {
    server.parlor = await startParlor({ ...settings, port: server.parlor.port });
  };
  server.stop = async () => {
    await server.proxy?.stop();
    await server.parlor.stop();
    await rm(directory, { recursive: true });
  };
  try {
    server.proxy = await startProxy(name, join(directory, name), server.parlor.port);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

for (const name of PROXIES) {
  describe(name, { timeout }, () => {
    let model;
    let server;
    let proxy;

    before(async () => {
      model = await startModel();
      server = await start(name, model, { publicUrl: PUBLIC_URL });
      proxy = server.proxy;
    }, { timeout });

    after(async () => {
      await server?.stop();
      await model?.stop();
    });

    test('the metrics are not published', { timeout }, async () => {
      const response = await fetch(proxy, '/metrics');
      assert.equal(response.status, 403, response.body);
      // parlor itself publishes the metrics to this machine.
      const direct = await globalThis.fetch(`http://127.0.0.1:${server.parlor.port}/metrics`);
      assert.equal(direct.status, 200);
    });

    test('a list has links with the public URL', { timeout }, async () => {
      const response = await fetch(proxy, '/v2/conversations?limit=5&offset=5', { headers: PRIVATE_KEY });
      assert.equal(response.status, 200, response.body);
      assert.equal(response.json().data.length, 5);
      const { first, prev, next, last } = links(response.headers.link);
      for (const url of [first, prev, next, last]) assert.ok(url.startsWith(`${PUBLIC_URL}/v2/`), url);
      const nextPage = await fetch(proxy, next.slice(PUBLIC_URL.length), { headers: PRIVATE_KEY });
      assert.equal(nextPage.json().data.length, 5);
    });

    test('a list is served over HTTP/2', { timeout }, async () => {
      const client = connectHttp2(`https://127.0.0.1:${proxy.port}`, { servername: HOST, ca: proxy.ca });
      const stream = client.request({
        ':path': '/v2/conversations', ':authority': HOST, authorization: PRIVATE_KEY.Authorization,
      });
      const [headers] = await once(stream, 'response');
      const body = (await stream.toArray()).join('');
      client.close();
      assert.equal(headers[':status'], 200, body);
      assert.equal(JSON.parse(body).object, 'list');
    });

    test('plain HTTP is redirected to HTTPS', { timeout }, async () => {
      const response = await fetch(proxy, '/v2?a=b', { plain: true });
      assert.ok([301, 308].includes(response.status), String(response.status));
      assert.equal(response.headers.location, `${PUBLIC_URL}/v2?a=b`);
    });

    test('a WebSocket receives the events of its conversation', { timeout }, async () => {
      const id = await newConversation(proxy, await newVisitor(proxy));
      const socket = openWebSocket(proxy, id);
      await once(socket, 'open');
      const received = once(socket, 'message');
      const response = await fetch(proxy, `/v2/conversations/${id}/agent`, {
        method: 'PUT', headers: PRIVATE_KEY, body: JSON.stringify({ name: 'Mara' }),
      });
      assert.equal(response.status, 200, response.body);
      const [event] = await received;
      assert.deepEqual(JSON.parse(event), { type: 'human_assigned', chatId: id });
      socket.close();
      await once(socket, 'close');
    });

    if (name === 'nginx') {
      test('the access log has no keys', { timeout }, async () => {
        await fetch(proxy, '/v2/projects/current?apiKey=pk_demo');
        await fetch(proxy, '/v2/projects/current?apiKey=pk_demo', { plain: true });
        // nginx writes the line after the response.
        const log = await waitFor(proxy, async () => {
          const lines = await readFile(proxy.accessLog, 'utf8');
          return [200, 301].every((status) => lines.includes(`"GET /v2/projects/current" ${status} `)) && lines;
        });
        assert.doesNotMatch(log, /pk_demo/);
      });
    }

    test('a refusal of a WebSocket is the JSON error of parlor', { timeout }, async () => {
      const socket = openWebSocket(proxy, '00000000-0000-7000-8000-000000000000');
      socket.on('error', () => {});
      const [, response] = await once(socket, 'unexpected-response');
      assert.equal(response.statusCode, 404);
      assert.match((await response.toArray()).join(''), /CONVERSATION_NOT_FOUND/);
    });

    test('the first text of an answer arrives before the answer ends', { timeout }, async () => {
      const content = question();
      const { response, rest } = await openAnswer(proxy, content);
      assert.equal(response.headers['content-type'], 'text/event-stream');
      model.release(content);
      const events = await rest();
      assert.equal(answerText(events), COMPLETE_ANSWER);
      assert.ok(events.endsWith('data: [DONE]\n\n'), events);
    });

    test('a client that disconnects ends its answer', { timeout }, async () => {
      const content = question();
      const disconnected = model.disconnected(content);
      const { response } = await openAnswer(proxy, content);
      response.destroy();
      await disconnected;
    });

    test('each client address has a rate limit of its own', { timeout }, async () => {
      const [first, second] = [newAddress(), newAddress()];
      const refused = await exceedRateLimit(proxy, first);
      assert.equal(refused.json().error.code, 'RATE_LIMIT_EXCEEDED');
      assert.equal(refused.headers['retry-after'], String(refused.json().error.details.retryAfter));
      const accepted = await startSession(proxy, second);
      assert.ok([200, 201].includes(accepted.status), accepted.body);
    });

    test('the X-Forwarded-For of a client is ignored', { timeout }, async () => {
      const address = newAddress();
      await exceedRateLimit(proxy, address);
      const refused = await startSession(proxy, address, { 'X-Forwarded-For': '203.0.113.9' });
      assert.equal(refused.status, 429, refused.body);
    });

    for (const bytes of [MAX_BODY_BYTES + 1, 1_000_000]) {
      test(`the response to a body of ${bytes} bytes is the JSON error of parlor`, { timeout }, async () => {
        const body = JSON.stringify({ apiKey: 'pk_demo', saVid: ''.padEnd(bytes, 'a') });
        const response = await fetch(proxy, '/v2/identity/init', { method: 'POST', body, address: newAddress() });
        assert.equal(response.status, 413, response.body);
        assert.equal(response.json().error.code, 'PAYLOAD_TOO_LARGE');
      });
    }

    test('the API reference and its files are served', { timeout }, async () => {
      const page = await fetch(proxy, '/v2');
      assert.equal(page.status, 200);
      assert.match(page.headers['content-type'], /^text\/html/);
      const files = [...page.body.matchAll(/\b(?:src|href)="([^"#]+)"/g)]
        .map(([, url]) => new URL(url, `${PUBLIC_URL}/v2`))
        .filter(({ protocol }) => protocol === 'https:');
      assert.ok(files.length > 0, page.body);
      for (const { origin, pathname } of files) {
        assert.equal(origin, PUBLIC_URL);
        assert.equal((await fetch(proxy, pathname)).status, 200, pathname);
      }
      const document = await fetch(proxy, '/v2/openapi');
      assert.match(document.json().openapi, /^3\.1\./);
    });

    test('a request has an id of the proxy', { timeout }, async () => {
      const response = await fetch(proxy, '/health', { headers: { 'X-Request-Id': 'chosen-by-the-client' } });
      assert.equal(response.status, 200);
      assert.match(response.headers['x-request-id'], /^[0-9a-f-]{32,36}$/);
    });

    test('parlor restarts: a running answer ends normally', { timeout }, async () => {
      const content = question();
      const { id, visitor, rest } = await openAnswer(proxy, content);
      const { parlor } = server;
      const stopped = parlor.stop();
      await waitFor(parlor, async () => !await isListening(parlor.port));
      model.release(content);
      assert.equal(answerText(await rest()), COMPLETE_ANSWER);
      await stopped;
      await server.restart();
      const stored = await fetch(proxy, `/v2/conversations/${id}/messages`, { headers: visitor });
      assert.equal(stored.json().data.at(-1).status, 'complete', stored.body);
    });

    test('parlor restarts: what a request meanwhile receives', { timeout }, async () => {
      await server.parlor.stop();
      const meanwhile = fetch(proxy, '/health');
      if (name === 'nginx') assert.equal((await meanwhile).status, 502);
      await server.restart();
      // Caddy sends the request again until parlor accepts it.
      if (name === 'caddy') assert.equal((await meanwhile).status, 200);
      assert.equal((await fetch(proxy, '/ready')).status, 200);
    });
  });

  describe(`${name}, without --public-url`, { timeout }, () => {
    let model;
    let server;

    before(async () => {
      model = await startModel();
      server = await start(name, model, {});
    }, { timeout });

    after(async () => {
      await server?.stop();
      await model?.stop();
    });

    test('links have the scheme and host of the proxy', { timeout }, async () => {
      const spoofed = { ...PRIVATE_KEY, 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http' };
      for (const headers of [PRIVATE_KEY, spoofed]) {
        const response = await fetch(server.proxy, '/v2/conversations', { headers });
        const { first } = links(response.headers.link);
        assert.ok(first.startsWith(`${PUBLIC_URL}/v2/`), first);
      }
    });
  });
}
