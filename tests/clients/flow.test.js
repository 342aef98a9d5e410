// A complete visit, with the requests of the original chat in their order.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { answerText, chatHeader, website } from './built/client.js';
import { openChat, startConversation, text, waitUntil, newVisitor } from './chat.js';
import { demo } from './servers.js';
import { test } from './timeout.js';
import { versions } from './versions.js';

const HEX = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;

for (const version of versions) {
  test(`${version.name}: a visit from the project request to the close`, async () => {
    const anonymous = website(demo.url, demo.publishable);
    const project = (await anonymous.project()).data;
    assert.ok(project.id && project.name);
    assert.match(project.chatWidgetConfig.brandColor, HEX);
    assert.equal(typeof project.chatWidgetConfig.inputPlaceholder.trim(), 'string');

    const expired = website(demo.url, demo.publishable, 'not.a.token');
    assert.equal((await expired.me()).response.status, 401);
    const saVid = randomUUID();
    const session = await anonymous.init(saVid);
    assert.equal(session.response.status, 201);
    const api = website(demo.url, demo.publishable, session.data.sessionToken);
    assert.deepEqual((await api.me()).data, session.data.visitor);

    assert.deepEqual((await api.list(20, 0)).data, { object: 'list', total: 0, limit: 20, offset: 0, data: [] });
    const visitor = { server: demo.url, token: session.data.sessionToken, api };
    const conversation = await startConversation(visitor);
    assert.deepEqual([conversation.status, conversation.messages, conversation.title], ['open', [], null]);

    const screen = openChat(version, visitor, conversation);
    const page = { url: 'https://shop.example/parcels', title: 'Parcels', content: 'Two days.', textSelection: 'days' };
    await screen.send('How long does a parcel take?', page);
    assert.equal(screen.chat.status, 'ready', screen.chat.error);

    const read = (await api.read(conversation.id)).data;
    assert.equal(chatHeader(read).title, 'How long does a parcel take?');
    assert.deepEqual(read.messages.map((message) => message.role), ['user', 'assistant']);
    const [question] = read.messages;
    assert.deepEqual([question.pageUrl, question.pageTitle, question.textSelection], [page.url, page.title, page.textSelection]);
    const listed = (await api.list(20, 0)).data;
    assert.deepEqual([listed.total, listed.data[0].id, listed.data[0].lastMessage.id],
      [1, conversation.id, read.messages[1].id]);

    for (const feedback of ['like', 'dislike', null]) {
      assert.deepEqual((await api.feedback(screen.chat.lastMessage.id, feedback)).data, { feedback });
    }

    assert.equal((await api.close(conversation.id)).data.success, true);
    assert.ok(chatHeader((await api.read(conversation.id)).data).closed);
    assert.equal((await api.close(conversation.id)).data.success, true);
    await screen.send('And to Spain?');
    assert.equal(screen.chat.status, 'error');
    assert.equal(JSON.parse(screen.chat.error.message).error.code, 'CONFLICT');

    const second = await anonymous.init(saVid);
    assert.deepEqual([second.response.status, second.data.visitor.id], [200, session.data.visitor.id]);
  });
}

test('the sidebar reads all pages', async () => {
  const { data } = await website(demo.url, demo.publishable).init('demo');
  const api = website(demo.url, demo.publishable, data.sessionToken);
  const ids = [];
  let page;
  do {
    page = (await api.list(3, ids.length)).data;
    ids.push(...page.data.map((conversation) => conversation.id));
  } while (page.total > page.offset + page.limit);
  assert.ok(page.total > 3);
  assert.equal(new Set(ids).size, page.total);
});

test('an answer without stream', async () => {
  const { api } = await newVisitor(demo);
  const { id } = (await api.start()).data;
  const { data, response } = await api.send(id, 'How long does a parcel take?');
  assert.equal(response.status, 200);
  const stored = (await api.messages(id)).data.data;
  assert.equal(answerText(data), text(stored[1]));
  assert.ok(answerText(data));
});

test('Q&As and search', async () => {
  const api = website(demo.url, demo.publishable);
  const project = (await api.project()).data;
  const list = (await api.qnas(project.id)).data;
  assert.ok(list.total > 0);
  const { id, question } = list.data[0];
  assert.equal((await api.qna(project.id, id)).data.question, question);
  const word = question.match(/\p{L}{4,}/u)[0];
  assert.ok((await api.qnas(project.id, word)).data.total > 0);

  const { results } = await waitUntil('a result', async () => {
    const { data } = await api.search(question, 5);
    return data.results.length > 0 && data;
  });
  const scores = results.map((result) => result.score);
  assert.ok(scores.length <= 5 && scores.every((score) => score >= 0 && score <= 1));
  assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
});
