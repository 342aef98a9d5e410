// Three nodes on PostgreSQL behind the snippets of docs/scaling.md.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import WebSocket from 'ws';

import { fetch, newConversation, newVisitor, open, openWebSocket } from './client.js';
import { FIRST_PART, question, startModel } from './model.js';
import { killAll, startParlor, waitFor } from './programs.js';
import { HOST, PROXIES, startProxyOfNodes } from './proxies.js';

const NODES = 3;
const CLIENTS = 8;
const PRIVATE_KEY = { Authorization: 'Bearer sk_demo' };

/** How long an event may take from one node to another. */
const EVENT_TIMEOUT_MS = 1000;

/** Long enough for a debug build on a busy machine. */
const timeout = 180_000;

/** Creates a database on the server of the test run and returns its URL. */
function createDatabase(name) {
  const server = process.env.PARLOR_TEST_POSTGRES;
  const { status, stderr } = spawnSync('psql', [server, '-c', `CREATE DATABASE ${name}`]);
  assert.equal(status, 0, String(stderr));
  return server.replace(/postgres$/, name);
}

async function start(name, model) {
  const directory = await mkdtemp(join(tmpdir(), `parlor-nodes-${name}-`));
  // The worker processes of nginx run as another user.
  await chmod(directory, 0o755);
  const args = ['--rate-limit', '0', '--ip-rate-limit', '0', '--public-url', `https://${HOST}`, '--log-requests', 'errors',
    '--model-url', model.url, '--model', 'test', '--model-private-network'];
  const store = createDatabase(`parlor_${name}`);
  const nodes = [await startParlor({ store, args })];
  const addNode = async (port) => startParlor({ store, port, conversations: 0, args });
  while (nodes.length < NODES) nodes.push(await addNode());
  const programs = [...nodes];
  const proxy = await startProxyOfNodes(name, join(directory, name), nodes.map((node) => node.port));
  return {
    nodes,
    proxy,
    /** Ends a node with SIGTERM and starts it again. */
    async restart(index) {
      const { port } = nodes[index];
      await nodes[index].stop();
      programs.push(nodes[index] = await addNode(port));
    },
    /** What the proxy and all nodes have written to their logs. */
    output: () => [proxy, ...programs].map((program) => program.output()).join('\n\n'),
    async stop() {
      await killAll();
      await rm(directory, { recursive: true });
    },
  };
}

/** A request directly to a node. */
const send = (node, path, options = {}) => globalThis.fetch(`http://127.0.0.1:${node.port}${path}`, {
  ...options, headers: { 'Content-Type': 'application/json', ...PRIVATE_KEY, ...options.headers },
});

/** Fails if the promise takes longer than an event may take. */
const within = (promise, what) => Promise.race([promise, new Promise((_, reject) => {
  setTimeout(() => reject(new Error(`${what}: not within ${EVENT_TIMEOUT_MS} ms`)), EVENT_TIMEOUT_MS).unref();
})]);

/** Reads a stream of events until it contains the text. */
async function readUntil(response, text) {
  let events = '';
  response.setEncoding('utf8');
  response.on('data', (data) => { events += data; });
  const ended = once(response, 'close');
  while (!events.includes(text)) {
    assert.ok(!response.closed, events);
    await Promise.race([once(response, 'data'), ended]);
  }
  return async () => {
    await ended;
    return events;
  };
}

/** A client with one connection to the proxy. Each of its requests must succeed. */
class Client {
  constructor(proxy, visitor) {
    this.proxy = proxy;
    this.visitor = visitor;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.messages = [];
    this.requests = 0;
  }

  async send(method, path, headers, content) {
    const body = content && JSON.stringify(content);
    const message = tlsRequest({
      host: '127.0.0.1', port: this.proxy.port, servername: HOST, ca: this.proxy.ca, agent: this.agent, path, method,
      headers: { Host: HOST, ...headers, ...(body && { 'Content-Type': 'application/json' }) },
    });
    message.end(body);
    const [response] = await once(message, 'response');
    return { status: response.statusCode, body: Buffer.concat(await response.toArray()).toString() };
  }

  async request(method, path, headers, content) {
    const { status, body } = await this.send(method, path, headers, content);
    assert.ok(status < 400, `${method} ${path}: ${status} ${body}`);
    this.requests += 1;
    return body;
  }

  async newConversation() {
    return JSON.parse(await this.request('POST', '/v2/conversations', this.visitor, {})).id;
  }

  async start() {
    this.id = await this.newConversation();
    await this.request('PUT', `/v2/conversations/${this.id}/agent`, PRIVATE_KEY, { name: 'Mara' });
  }

  /** Sends a message to an agent, asks the assistant and reads lists until `isDone()`. */
  async run(isDone) {
    const path = `/v2/conversations/${this.id}/messages`;
    while (!isDone()) {
      const content = randomUUID();
      await this.request('POST', path, this.visitor, { content });
      this.messages.push(content);
      await this.request('GET', '/v2/conversations?limit=20', PRIVATE_KEY);
      await this.request('GET', `${path}?limit=20`, this.visitor);
      await this.ask();
    }
    this.agent.destroy();
  }

  /** A conversation with an answer that is streamed, and then its end. */
  async ask() {
    const path = `/v2/conversations/${await this.newConversation()}`;
    const question = { content: 'Where is my parcel?', stream: true };
    const events = await this.request('POST', `${path}/messages`, this.visitor, question);
    assert.ok(events.includes('"type":"finish"') && events.endsWith('data: [DONE]\n\n'), events);
    await this.request('PUT', `${path}/agent`, PRIVATE_KEY, { name: 'Mara' });
    await this.request('DELETE', `${path}/agent`, PRIVATE_KEY);
    await this.request('PATCH', '/v2/identity/me', this.visitor, { name: 'Ann' });
  }

  async storedMessages() {
    const texts = [];
    for (;;) {
      const path = `/v2/conversations/${this.id}/messages?limit=100&offset=${texts.length}`;
      const page = await fetch(this.proxy, path, { headers: this.visitor });
      const messages = page.json().data;
      if (messages.length === 0) return texts;
      texts.push(...messages.map(({ parts }) => parts[0].text));
    }
  }
}

for (const name of PROXIES) {
  describe(`three nodes behind ${name}`, { timeout }, () => {
    let model;
    let server;
    let proxy;

    before(async () => {
      model = await startModel();
      server = await start(name, model);
      proxy = server.proxy;
    }, { timeout });

    after(async () => {
      await server?.stop();
      // If `before` has failed.
      await killAll();
      await model?.stop();
    });

    test('each node returns the same list', { timeout }, async () => {
      const direct = await Promise.all(server.nodes.map(async (node) => {
        const response = await send(node, '/v2/conversations?limit=50');
        return [response.headers.get('link'), await response.text()];
      }));
      const response = await fetch(proxy, '/v2/conversations?limit=50', { headers: PRIVATE_KEY });
      assert.equal(response.json().data.length, 50);
      for (const list of direct) assert.deepEqual(list, [response.headers.link, response.body]);
    });

    test('a WebSocket receives what another node has stored', { timeout }, async () => {
      const visitor = await newVisitor(proxy);
      const id = await newConversation(proxy, visitor);
      const sockets = [openWebSocket(proxy, id), ...server.nodes.map((node) => new WebSocket(
        `ws://127.0.0.1:${node.port}/v2/conversations/${id}/ws?apiKey=pk_demo`, { origin: `https://${HOST}` }))];
      const events = sockets.map(() => []);
      const path = `/v2/conversations/${id}/agent`;
      await Promise.all(sockets.map((socket) => once(socket, 'open')));
      sockets.forEach((socket, index) => socket.on('message', (event) => events[index].push(JSON.parse(event).type)));
      const expected = [];
      const assertReceived = async (node, ...types) => {
        expected.push(...types);
        const isComplete = () => events.every((received) => received.length >= expected.length);
        await waitFor(node, isComplete, EVENT_TIMEOUT_MS);
        assert.deepEqual(events, events.map(() => expected));
      };
      for (const node of server.nodes) {
        const body = JSON.stringify({ name: 'Mara' });
        assert.equal((await send(node, path, { method: 'PUT', body })).status, 200);
        await assertReceived(node, 'human_assigned');
        assert.ok((await send(node, path, { method: 'DELETE' })).ok);
        await assertReceived(node, 'handed_back', 'human_assigned');
      }
      sockets.forEach((socket) => socket.close());
      await Promise.all(sockets.map((socket) => once(socket, 'close')));
    });

    test('a takeover on another node ends a streamed answer', { timeout }, async () => {
      const visitor = await newVisitor(proxy);
      const id = await newConversation(proxy, visitor);
      const content = question();
      const disconnected = model.disconnected(content);
      const [streaming, other] = server.nodes;
      const response = await open({ httpPort: streaming.port }, `/v2/conversations/${id}/messages`, {
        plain: true, method: 'POST', headers: visitor, body: JSON.stringify({ content, stream: true }),
      });
      const ended = await readUntil(response, FIRST_PART);
      const body = JSON.stringify({ name: 'Mara' });
      assert.equal((await send(other, `/v2/conversations/${id}/agent`, { method: 'PUT', body })).status, 200);
      await within(Promise.all([ended(), disconnected]), 'the end of the answer');
      model.release(content);
      const stored = await fetch(proxy, `/v2/conversations/${id}/messages`, { headers: visitor });
      const answer = stored.json().data.find((message) => message.role === 'assistant');
      assert.ok(FIRST_PART.startsWith(answer?.parts[0]?.text ?? ''), stored.body);
    });

    test('no request fails while the nodes restart one after another', { timeout }, async () => {
      const clients = [];
      while (clients.length < CLIENTS) {
        const client = new Client(proxy, await newVisitor(proxy));
        await client.start();
        clients.push(client);
      }
      let isDone = false;
      const restarts = async () => {
        for (let index = 0; index < NODES && !isDone; index += 1) {
          await server.restart(index);
          await waitFor(server.nodes[index], async () => (await send(server.nodes[index], '/ready')).ok);
        }
      };
      const end = () => { isDone = true; };
      const results = await Promise.allSettled([
        restarts().finally(end),
        ...clients.map((client) => client.run(() => isDone).catch((error) => { end(); throw error; })),
      ]);
      const failures = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
      assert.equal(failures.length, 0, `${failures.map(({ stack }) => stack).join('\n')}\n${server.output()}`);
      for (const client of clients) {
        assert.ok(client.requests > NODES, 'the client has sent requests');
        assert.deepEqual(await client.storedMessages(), client.messages);
      }
    });
  });
}
