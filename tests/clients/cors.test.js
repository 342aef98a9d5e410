// Cross-origin requests, checked like in a browser.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';

import { newChat } from './chat.js';
import { demo } from './servers.js';
import { test } from './timeout.js';
import { defaultVersion } from './versions.js';

const ORIGIN = 'https://widget.example';

/** Sends a request with headers that `fetch` reserves for the browser. */
async function call(method, path, headers, body) {
  const outgoing = request(`${demo.url}/v2${path}`, { method, headers: { Origin: ORIGIN, ...headers } });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, headers: response.headers, body: (await response.toArray()).join('') };
}

const isReadable = ({ headers }) => ['*', ORIGIN].includes(headers['access-control-allow-origin']);
const names = (list = '') => list.split(',').map((name) => name.trim().toLowerCase());

/** Whether a browser would send the request after the preflight. */
async function isAllowed(method, path, requestHeaders) {
  const preflight = await call('OPTIONS', path, {
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': requestHeaders.join(','),
  });
  const { 'access-control-allow-headers': headers, 'access-control-allow-methods': methods } = preflight.headers;
  return preflight.status >= 200 && preflight.status < 300 && isReadable(preflight)
    // `*` covers every header except `authorization`.
    && requestHeaders.every((name) => names(headers).includes(name) || (headers === '*' && name !== 'authorization'))
    && (['GET', 'POST'].includes(method) || names(methods).includes(method.toLowerCase()));
}

test('every request of the chat passes its preflight', async () => {
  const { id } = await newChat(defaultVersion, demo);
  for (const [method, path, ...requestHeaders] of [
    ['GET', '/projects/current?apiKey=pk_demo'],
    ['POST', '/identity/init', 'content-type'],
    ['GET', '/identity/me', 'authorization'],
    ['GET', '/conversations', 'authorization'],
    ['POST', '/conversations', 'authorization'],
    ['GET', `/conversations/${id}`, 'authorization'],
    ['POST', `/conversations/${id}/close`, 'authorization'],
    ['POST', `/conversations/${id}/messages`, 'authorization', 'content-type'],
    // Scripts may set User-Agent since Firefox 43, and older AI SDKs do.
    ['POST', `/conversations/${id}/messages`, 'authorization', 'content-type', 'user-agent'],
    ['POST', `/messages/${id}/feedback`, 'authorization', 'content-type'],
  ]) {
    assert.ok(await isAllowed(method, path, requestHeaders), `${method} ${path} with ${requestHeaders}`);
  }
});

test('streams and errors are readable from another origin', async () => {
  const { id, token } = await newChat(defaultVersion, demo);
  const path = `/conversations/${id}/messages`;
  const json = { 'Content-Type': 'application/json' };
  const signed = { ...json, Authorization: `Bearer ${token}` };
  const body = JSON.stringify({ pageContext: null, content: 'How long does a parcel take?', stream: true });

  const stream = await call('POST', path, signed, body);
  assert.deepEqual([stream.status, isReadable(stream)], [200, true]);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.body, /data: \[DONE\]\n\n$/);

  for (const [status, headers, invalidBody] of [[401, json, body], [400, signed, '{'], [422, signed, '{"content":""}']]) {
    const refusal = await call('POST', path, headers, invalidBody);
    assert.deepEqual([refusal.status, isReadable(refusal)], [status, true]);
    assert.ok(JSON.parse(refusal.body).error.code);
  }
});
