// No message is lost or doubled, and no draft is lost.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { launch, newVisitor } from './browser.js';
import { ChatPage } from './chat.js';
import { startModel } from './model.js';
import { startParlor } from './parlor.js';
import { startProxy } from './proxy.js';
import { startSite } from './site.js';

let browser, model, parlor;
before(async () => {
  model = await startModel();
  [browser, parlor] = await Promise.all([launch(), startParlor({ model: model.url })]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
  model?.stop();
});

let proxy, site, context, chat;
beforeEach(async () => {
  model.reset();
  proxy = await startProxy(parlor.target);
  site = await startSite(proxy.url);
  ({ context } = await newVisitor(browser));
  chat = await ChatPage.visit(context, site.url);
  await chat.open();
});
afterEach(async () => {
  await context.close();
  proxy.stop();
  site.stop();
});

const storedTexts = async () => {
  const { messages } = await parlor.newestConversation();
  return messages.map(({ role, parts }) => `${role}: ${parts[0].text}`);
};

/** Sends a question and waits for the first words of the answer. */
async function beginAnswer(question) {
  await chat.send(question);
  const answer = await model.nextAnswer();
  answer.write('The parcel is');
  await chat.waitForText('The parcel is');
  return answer;
}

/** Answers the question again, if the server asks the model again. */
async function finish(answer) {
  const finishOne = (open) => {
    open.write(' in Köln.');
    open.end();
  };
  finishOne(answer);
  const ended = chat.waitForEnd();
  const watch = setInterval(async () => {
    if (model.pending === 0) return;
    const repeated = await model.nextAnswer();
    repeated.write('The parcel is');
    finishOne(repeated);
  }, 50);
  await ended.finally(() => clearInterval(watch));
}

const COMPLETE = ['user: Where is it?', 'assistant: The parcel is in Köln.'];

test('reload during an answer', async () => {
  const answer = await beginAnswer('Where is it?');
  await chat.page.reload();
  await chat.waitForText('The parcel is');
  await finish(answer);
  assert.deepEqual(await chat.questionTexts(), ['Where is it?']);
  assert.equal(await chat.answers.last().innerText(), 'The parcel is in Köln.');
  assert.deepEqual(await storedTexts(), COMPLETE);
});

test('connection lost during an answer', async () => {
  const answer = await beginAnswer('Where is it?');
  proxy.cut();
  await chat.panel.getByText('No connection').waitFor();
  proxy.restore();
  await finish(answer);
  assert.deepEqual(await chat.questionTexts(), ['Where is it?']);
  assert.equal(await chat.answers.last().innerText(), 'The parcel is in Köln.');
  assert.deepEqual(await storedTexts(), COMPLETE);
});

test('server killed and started again during an answer', async () => {
  await beginAnswer('Where is it?');
  await parlor.kill();
  await chat.panel.getByText('No connection').waitFor();
  await parlor.restart();
  const answer = await model.nextAnswer();
  answer.write('The parcel is');
  await finish(answer);
  assert.deepEqual(await chat.questionTexts(), ['Where is it?']);
  assert.deepEqual(await storedTexts(), COMPLETE);
});

test('message that is written offline is sent once, also after a reload', async () => {
  proxy.cut();
  await chat.send('Where is it?');
  await chat.panel.getByText('No connection').waitFor();
  await chat.page.reload();
  proxy.restore();
  await chat.page.reload();
  const answer = await model.nextAnswer();
  answer.write('The parcel is');
  await finish(answer);
  assert.deepEqual(await chat.questionTexts(), ['Where is it?']);
  assert.deepEqual(await storedTexts(), COMPLETE);
});

test('draft survives a reload, and a message that arrives meanwhile', async () => {
  const answer = await beginAnswer('Where is it?');
  await chat.input.fill('And when does');
  await finish(answer);
  assert.equal(await chat.input.inputValue(), 'And when does');
  await chat.page.reload();
  await chat.input.waitFor();
  assert.equal(await chat.input.inputValue(), 'And when does');
});

for (const secure of [false, true]) {
  const kind = secure ? 'a secure page' : 'a page without TLS';
  test(`two tabs of ${kind} show the same, and send each message once`, async () => {
    const origin = secure ? site.localUrl : site.url;
    await chat.page.goto(origin);
    await chat.open();
    const first = await beginAnswer('Where is it?');
    await finish(first);

    const other = await ChatPage.visit(context, origin);
    await other.open();
    await other.waitForText('The parcel is in Köln.');
    await other.send('And when?');
    const answer = await model.nextAnswer();
    answer.write('On Friday');
    for (const tab of [chat, other]) await tab.waitForText('On Friday');
    answer.end();
    for (const tab of [chat, other]) {
      await tab.waitForEnd();
      assert.deepEqual(await tab.questionTexts(), ['Where is it?', 'And when?']);
      assert.equal(await tab.answers.count(), 3, 'welcome and two answers');
    }
    assert.deepEqual(await storedTexts(),
      [...COMPLETE, 'user: And when?', 'assistant: On Friday']);
  });
}

test('tab that is closed during an answer leaves it to the other tab', async () => {
  const answer = await beginAnswer('Where is it?');
  const other = await ChatPage.visit(context, site.url);
  await other.open();
  await other.waitForText('The parcel is');
  await chat.page.close();
  chat = other;
  await finish(answer);
  assert.deepEqual(await other.questionTexts(), ['Where is it?']);
});
