import { test } from 'node:test';

import * as api from './built/typescript-fetch/index.js';
import { apiKey, baseUrl, type Client, visit } from './visit.js';

let accessToken = '';
const configuration = new api.Configuration({ basePath: baseUrl, accessToken: () => accessToken });
const identity = new api.IdentityApi(configuration);
const conversations = new api.ConversationsApi(configuration);
const messages = new api.MessagesApi(configuration);

const visitor: Client = {
  async init(saVid) {
    const session = await identity.init({ initRequest: { apiKey, saVid } });
    accessToken = session.sessionToken;
    return session.visitor.type;
  },
  async start(idempotencyKey) {
    return conversations.startConversation({ idempotencyKey });
  },
  async list(query) {
    const response = await conversations.getConversationsRaw(query);
    return { ...(await response.value()), headers: response.raw.headers };
  },
  async send(conversationId, content) {
    const answer = await messages.sendMessage({ conversationId, sendRequest: { content } });
    return answer.steps[0]?.content[0]?.text;
  },
  async stream(conversationId, content) {
    return (await messages.sendMessageRaw({ conversationId, sendRequest: { content, stream: true } })).raw;
  },
  readChunk(json) {
    const chunk = api.AnswerChunkFromJSON(JSON.parse(json));
    return chunk.type === 'text-delta' ? chunk.delta : '';
  },
  async close(conversationId) {
    return conversations.closeConversation({ conversationId });
  },
  async read(conversationId) {
    return conversations.getConversation({ conversationId });
  },
  async readError(conversationId) {
    const error: unknown = await conversations.getConversation({ conversationId }).catch((reason) => reason);
    if (!(error instanceof api.ResponseError)) throw error;
    const { code, details } = api.ApiErrorFromJSON(await error.response.json()).error;
    return { status: error.response.status, code, details };
  },
};

test('the client of openapi-generator, typescript-fetch', () => visit(visitor));
