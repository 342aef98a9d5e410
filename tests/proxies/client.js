// An HTTP client of the tests: TLS, one connection for each request, the client
// address is selectable.

import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

import WebSocket from 'ws';

import { HOST } from './proxies.js';

let lastAddress = 1;

/** An address of the loopback network that no other test uses. */
export const newAddress = () => `127.0.1.${lastAddress += 1}`;

/** Sends a request through the proxy and returns the response before its body. */
export async function open(proxy, path, { method = 'GET', headers = {}, body, address, plain = false } = {}) {
  const send = plain ? plainRequest : tlsRequest;
  const message = send({
    host: '127.0.0.1',
    port: plain ? proxy.httpPort : proxy.port,
    servername: HOST,
    ca: proxy.ca,
    path,
    method,
    localAddress: address,
    agent: false,
    headers: { Host: HOST, ...(body && { 'Content-Type': 'application/json' }), ...headers },
  });
  message.end(body);
  const [response] = await once(message, 'response');
  return response;
}

/** Sends a request and reads the whole response. */
export async function fetch(proxy, path, options) {
  const response = await open(proxy, path, options);
  const body = Buffer.concat(await response.toArray()).toString();
  const json = () => JSON.parse(body);
  return { status: response.statusCode, headers: response.headers, body, json };
}

/** Starts a session from an address of its own. */
export async function newVisitor(proxy) {
  const body = JSON.stringify({ apiKey: 'pk_demo', saVid: `proxy-${newAddress()}` });
  const response = await fetch(proxy, '/v2/identity/init', { method: 'POST', body, address: newAddress() });
  const { sessionToken } = response.json();
  return { Authorization: `Bearer ${sessionToken}` };
}

/** Starts a conversation and returns its id. */
export async function newConversation(proxy, headers) {
  const response = await fetch(proxy, '/v2/conversations', { method: 'POST', headers });
  return response.json().id;
}

/** Opens the WebSocket of a conversation, as a browser does. */
export function openWebSocket(proxy, conversation) {
  const url = `wss://127.0.0.1:${proxy.port}/v2/conversations/${conversation}/ws?apiKey=pk_demo`;
  return new WebSocket(url, {
    origin: `https://${HOST}`, servername: HOST, ca: proxy.ca, headers: { Host: HOST },
  });
}
