import { test } from 'node:test';

import { createClient, createConfig } from './built/hey-api/client/index.js';
import * as api from './built/hey-api/index.js';
import { apiKey, baseUrl, type Client, visit } from './visit.js';

const client = createClient(createConfig<api.ClientOptions>({ baseUrl }));
const options = { client, throwOnError: true } as const;

const visitor: Client = {
  async init(saVid) {
    const { data } = await api.init({ ...options, body: { apiKey, saVid } });
    client.setConfig({ auth: data.sessionToken });
    return data.visitor.type;
  },
  async start(idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey };
    return (await api.startConversation({ ...options, headers })).data;
  },
  async list(query) {
    const { data, response } = await api.getConversations({ ...options, query });
    return { ...data, headers: response.headers };
  },
  async send(conversationId, content) {
    const { data } = await api.sendMessage({ ...options, path: { conversationId }, body: { content } });
    return typeof data === 'string' ? data : data.steps[0]?.content[0]?.text;
  },
  async stream(conversationId, content) {
    const body = { content, stream: true };
    return (await api.sendMessage({ ...options, path: { conversationId }, body, parseAs: 'stream' })).response;
  },
  readChunk(json) {
    const chunk: api.AnswerChunk = JSON.parse(json);
    return chunk.type === 'text-delta' ? chunk.delta : '';
  },
  async close(conversationId) {
    return (await api.closeConversation({ ...options, path: { conversationId } })).data;
  },
  async read(conversationId) {
    return (await api.getConversation({ ...options, path: { conversationId } })).data;
  },
  async readError(conversationId) {
    const { error, response } = await api.getConversation({ client, path: { conversationId } });
    return { status: response?.status, code: error?.error.code, details: error?.error.details };
  },
};

test('the client of @hey-api/openapi-ts', () => visit(visitor));
