import { test } from 'node:test';

import createClient from 'openapi-fetch';
import type { components, paths } from './built/openapi-typescript.js';
import { apiKey, baseUrl, type Client, visit } from './visit.js';

const api = createClient<paths>({ baseUrl });
let headers = {};

/** Returns the body of a response, or throws its error. */
function body<Data>({ data, error }: { data?: Data; error?: { error: { message: string } } }): Data {
  if (data === undefined) throw new Error(error?.error.message);
  return data;
}

const visitor: Client = {
  async init(saVid) {
    const { sessionToken, visitor } = body(await api.POST('/identity/init', { body: { apiKey, saVid } }));
    headers = { Authorization: `Bearer ${sessionToken}` };
    return visitor.type;
  },
  async start(idempotencyKey) {
    const params = { header: { 'Idempotency-Key': idempotencyKey } };
    return body(await api.POST('/conversations', { params, headers }));
  },
  async list(query) {
    const result = await api.GET('/conversations', { params: { query }, headers });
    return { ...body(result), headers: result.response.headers };
  },
  async send(conversationId, content) {
    const params = { path: { conversationId } };
    const answer = body(
      await api.POST('/conversations/{conversationId}/messages', { params, headers, body: { content } }),
    );
    return typeof answer === 'string' ? answer : answer.steps[0]?.content[0]?.text;
  },
  async stream(conversationId, content) {
    const { response } = await api.POST('/conversations/{conversationId}/messages', {
      params: { path: { conversationId } },
      headers,
      body: { content, stream: true },
      parseAs: 'stream',
    });
    return response;
  },
  readChunk(json) {
    const chunk: components['schemas']['AnswerChunk'] = JSON.parse(json);
    return chunk.type === 'text-delta' ? chunk.delta : '';
  },
  async close(conversationId) {
    const params = { path: { conversationId } };
    return body(await api.POST('/conversations/{conversationId}/close', { params, headers }));
  },
  async read(conversationId) {
    const params = { path: { conversationId } };
    return body(await api.GET('/conversations/{conversationId}', { params, headers }));
  },
  async readError(conversationId) {
    const params = { path: { conversationId } };
    const { error, response } = await api.GET('/conversations/{conversationId}', { params, headers });
    return { status: response.status, code: error?.error.code, details: error?.error.details };
  },
};

test('the client of openapi-typescript and openapi-fetch', () => visit(visitor));
