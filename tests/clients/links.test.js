// Octokit follows the Link header through all pages of every list.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';

import { Octokit } from '@octokit/core';
import { paginateRest } from '@octokit/plugin-paginate-rest';

import { newVisitor, startConversation } from './chat.js';
import { demo, privateRequest } from './servers.js';
import { test } from './timeout.js';

const Client = Octokit.plugin(paginateRest);

/** A visitor with conversations of its own: other tests change the list of the project. */
async function visitorWithConversations(count) {
  const visitor = await newVisitor(demo);
  for (let number = 0; number < count; number += 1) await startConversation(visitor);
  return visitor.token;
}

/** A list of each kind, with a limit for which it has several pages. */
async function lists() {
  const project = await privateRequest(demo, 'GET', `/projects/current?apiKey=${demo.publishable}`);
  const { id } = await project.json();
  return [
    { path: '/conversations', credential: await visitorWithConversations(8), limit: 3 },
    { path: `/projects/${id}/qnas`, credential: demo.secret, limit: 20 },
    { path: `/projects/${id}/documents`, credential: demo.secret, limit: 20 },
  ];
}

/** Reads a list from its first page to the end. */
function readAll(url, { path, credential, limit }) {
  const client = new Client({ baseUrl: url });
  const headers = { authorization: `Bearer ${credential}` };
  return client.paginate(`GET /v2${path}`, { limit, headers }, ({ data }) => data.data);
}

/** Reads a list without links. */
async function readOnePage({ path, credential, limit }) {
  const page = await privateRequest({ url: demo.url, secret: credential }, 'GET', `${path}?limit=100`);
  const { data, total } = await page.json();
  assert.ok(total === data.length && total > 2 * limit, `${path} has ${total} items`);
  return data;
}

/** Starts a proxy that leaves `Host` unchanged. `requests` counts its requests. */
async function startProxy() {
  const proxy = { requests: 0 };
  const server = createServer((incoming, outgoing) => {
    proxy.requests += 1;
    const { method, url, headers } = incoming;
    const forwarded = request(new URL(url, demo.url), { method, headers, setHost: false }, (response) => {
      outgoing.writeHead(response.statusCode, response.rawHeaders);
      response.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.stop = () => { server.closeAllConnections(); server.close(); };
  return proxy;
}

test('octokit reads all pages of every list', async () => {
  for (const list of await lists()) {
    assert.deepEqual(await readAll(demo.url, list), await readOnePage(list), list.path);
  }
});

test('octokit stays at the host to which it sent the first request', async () => {
  const proxy = await startProxy();
  try {
    for (const list of await lists()) {
      const expected = await readOnePage(list);
      const before = proxy.requests;
      assert.deepEqual(await readAll(proxy.url, list), expected, list.path);
      assert.equal(proxy.requests - before, Math.ceil(expected.length / list.limit), list.path);
    }
  } finally {
    proxy.stop();
  }
});
