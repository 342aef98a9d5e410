// A visit from beginning to end, in the order of the real chat.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { answered, head, website } from './built/client.js';
import { opening, started, text, until, visitor } from './chat.js';
import { demo } from './servers.js';
import { test } from './timed.js';
import { versions } from './versions.js';

const HEX = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i;

for (const version of versions) {
  test(`${version.name}: a visit from the project to the close`, async () => {
    const stranger = website(demo.url, demo.publishable);
    const project = (await stranger.project()).data;
    assert.ok(project.id && project.name);
    assert.match(project.chatWidgetConfig.brandColor, HEX);
    assert.equal(typeof project.chatWidgetConfig.inputPlaceholder.trim(), 'string');

    const expired = website(demo.url, demo.publishable, 'not.a.token');
    assert.equal((await expired.me()).response.status, 401);
    const saVid = randomUUID();
    const begun = await stranger.init(saVid);
    assert.equal(begun.response.status, 201);
    const api = website(demo.url, demo.publishable, begun.data.sessionToken);
    assert.deepEqual((await api.me()).data, begun.data.visitor);

    assert.deepEqual((await api.list(20, 0)).data, { object: 'list', total: 0, limit: 20, offset: 0, data: [] });
    const someone = { server: demo.url, token: begun.data.sessionToken, api };
    const conversation = await started(someone);
    assert.deepEqual([conversation.status, conversation.messages, conversation.title], ['open', [], null]);

    const screen = opening(version, someone, conversation);
    const page = { url: 'https://shop.example/parcels', title: 'Parcels', content: 'Two days.', textSelection: 'days' };
    await screen.send('How long does a parcel take?', page);
    assert.equal(screen.chat.status, 'ready', screen.chat.error);

    const read = (await api.read(conversation.id)).data;
    assert.equal(head(read).title, 'How long does a parcel take?');
    assert.deepEqual(read.messages.map((message) => message.role), ['user', 'assistant']);
    const [said] = read.messages;
    assert.deepEqual([said.pageUrl, said.pageTitle, said.textSelection], [page.url, page.title, page.textSelection]);
    const listed = (await api.list(20, 0)).data;
    assert.deepEqual([listed.total, listed.data[0].id, listed.data[0].lastMessage.id],
      [1, conversation.id, read.messages[1].id]);

    for (const feedback of ['like', 'dislike', null]) {
      assert.deepEqual((await api.feedback(screen.chat.lastMessage.id, feedback)).data, { feedback });
    }

    assert.equal((await api.close(conversation.id)).data.success, true);
    assert.ok(head((await api.read(conversation.id)).data).closed);
    assert.equal((await api.close(conversation.id)).data.success, true);
    await screen.send('And to Spain?');
    assert.equal(screen.chat.status, 'error');
    assert.equal(JSON.parse(screen.chat.error.message).error.code, 'CONFLICT');

    const again = await stranger.init(saVid);
    assert.deepEqual([again.response.status, again.data.visitor.id], [200, begun.data.visitor.id]);
  });
}

test('pages are read to the end as the sidebar does it', async () => {
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

test('an answer that is not streamed', async () => {
  const { api } = await visitor(demo);
  const { id } = (await api.start()).data;
  const { data, response } = await api.send(id, 'How long does a parcel take?');
  assert.equal(response.status, 200);
  const stored = (await api.messages(id)).data.data;
  assert.equal(answered(data), text(stored[1]));
  assert.ok(answered(data));
});

test('questions and answers, and the search', async () => {
  const api = website(demo.url, demo.publishable);
  const project = (await api.project()).data;
  const list = (await api.qnas(project.id)).data;
  assert.ok(list.total > 0);
  const { id, question } = list.data[0];
  assert.equal((await api.qna(project.id, id)).data.question, question);
  const word = question.match(/\p{L}{4,}/u)[0];
  assert.ok((await api.qnas(project.id, word)).data.total > 0);

  const { results } = await until('a result', async () => {
    const { data } = await api.search(question, 5);
    return data.results.length > 0 && data;
  });
  const scores = results.map((result) => result.score);
  assert.ok(scores.length <= 5 && scores.every((score) => score >= 0 && score <= 1));
  assert.deepEqual(scores, [...scores].sort((one, other) => other - one));
});
