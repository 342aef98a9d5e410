// Calls from another origin, judged as a browser judges them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';

import { freshChat } from './chat.js';
import { demo } from './servers.js';
import { test } from './timed.js';
import { usual } from './versions.js';

const ORIGIN = 'https://widget.example';

/** By hand: fetch would not let a script set the headers that only a browser sets. */
async function call(method, path, headers, body) {
  const sent = request(`${demo.url}/v2${path}`, { method, headers: { Origin: ORIGIN, ...headers } });
  sent.end(body);
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, headers: response.headers, body: (await response.toArray()).join('') };
}

const mayBeRead = ({ headers }) => ['*', ORIGIN].includes(headers['access-control-allow-origin']);
const names = (list = '') => list.split(',').map((name) => name.trim().toLowerCase());

/** Whether a browser would go on to send the request. */
async function allowed(method, path, wanted) {
  const preflight = await call('OPTIONS', path, {
    'Access-Control-Request-Method': method,
    'Access-Control-Request-Headers': wanted.join(','),
  });
  const { 'access-control-allow-headers': headers, 'access-control-allow-methods': methods } = preflight.headers;
  return preflight.status >= 200 && preflight.status < 300 && mayBeRead(preflight)
    // A star would do for all but `authorization`.
    && wanted.every((name) => names(headers).includes(name) || (headers === '*' && name !== 'authorization'))
    && (['GET', 'POST'].includes(method) || names(methods).includes(method.toLowerCase()));
}

test('every call of the chat passes its preflight', async () => {
  const { id } = await freshChat(usual, demo);
  for (const [method, path, ...wanted] of [
    ['GET', '/projects/current?apiKey=pk_demo'],
    ['POST', '/identity/init', 'content-type'],
    ['GET', '/identity/me', 'authorization'],
    ['GET', '/conversations', 'authorization'],
    ['POST', '/conversations', 'authorization'],
    ['GET', `/conversations/${id}`, 'authorization'],
    ['POST', `/conversations/${id}/close`, 'authorization'],
    ['POST', `/conversations/${id}/messages`, 'authorization', 'content-type'],
    // A script may set it since Firefox 43, and the older AI SDKs do.
    ['POST', `/conversations/${id}/messages`, 'authorization', 'content-type', 'user-agent'],
    ['POST', `/messages/${id}/feedback`, 'authorization', 'content-type'],
  ]) {
    assert.ok(await allowed(method, path, wanted), `${method} ${path} with ${wanted}`);
  }
});

test('streams and errors may be read from another origin', async () => {
  const { id, token } = await freshChat(usual, demo);
  const path = `/conversations/${id}/messages`;
  const json = { 'Content-Type': 'application/json' };
  const signed = { ...json, Authorization: `Bearer ${token}` };
  const body = JSON.stringify({ pageContext: null, content: 'How long does a parcel take?', stream: true });

  const stream = await call('POST', path, signed, body);
  assert.deepEqual([stream.status, mayBeRead(stream)], [200, true]);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.body, /data: \[DONE\]\n\n$/);

  for (const [status, headers, sent] of [[401, json, body], [400, signed, '{'], [422, signed, '{"content":""}']]) {
    const refusal = await call('POST', path, headers, sent);
    assert.deepEqual([refusal.status, mayBeRead(refusal)], [status, true]);
    assert.ok(JSON.parse(refusal.body).error.code);
  }
});
