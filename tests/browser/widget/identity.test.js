// The website tells the widget who the visitor is.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';

import { newAgent } from '../inbox/agent.js';
import { ConversationPage } from '../inbox/conversation-page.js';
import { launch, newVisitor } from './browser.js';
import { ChatPage } from './chat.js';
import { startParlor } from './parlor.js';
import { startSite } from './site.js';

let browser, parlor, site, secret;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
  site = await startSite(parlor.url);
  const { data } = await parlor.request('GET', '/keys');
  const { id } = data.find(({ kind }) => kind === 'publishable');
  ({ identitySecret: secret } = await parlor.request('POST', `/keys/${id}/identity-secret`));
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
});

/** A token as the server of a website signs it. */
function sign(claims, key = secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat, exp: iat + 600, ...claims })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

async function visit() {
  const { context } = await newVisitor(browser);
  const chat = await ChatPage.visit(context, site.url);
  await chat.bubble.waitFor();
  return chat;
}

const identify = (chat, token) => chat.page.evaluate((jwt) => window.parlor.identify(jwt), token);
const reset = (chat) => chat.page.evaluate(() => window.parlor.reset());
const storedNames = (chat) =>
  chat.page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);

async function ask(chat, text) {
  await chat.send(text);
  await chat.waitForEnd();
}

async function newestVisitor() {
  const { id } = await parlor.newestConversation();
  const { visitor } = await parlor.request('GET', `/conversations/${id}?include=visitor`);
  return visitor;
}

test('identified person has conversations of their own, on every device', async () => {
  const chat = await visit();
  await chat.open();
  await ask(chat, 'How do I wash merino wool?');
  assert.equal((await newestVisitor()).isVerified, false);

  await identify(chat, sign({ sub: 'customer 42', name: 'Zoë Park', email: 'zoe@shop.example' }));
  await chat.questions.first().waitFor({ state: 'detached' });
  await ask(chat, 'Do you ship to Norway?');
  const { externalId, name, email, isVerified } = await newestVisitor();
  const expected = ['customer 42', 'Zoë Park', 'zoe@shop.example', true];
  assert.deepEqual([externalId, name, email, isVerified], expected);

  const other = await visit();
  await identify(other, sign({ sub: 'customer 42' }));
  await other.open();
  await other.button('Conversations').click();
  await other.panel.getByText('Do you ship to Norway?').waitFor();
});

test('reset returns to the anonymous visitor and removes what was stored', async () => {
  const chat = await visit();
  await chat.open();
  await ask(chat, 'How do I wash merino wool?');
  await identify(chat, sign({ sub: 'customer 7' }));
  await chat.questions.first().waitFor({ state: 'detached' });
  await ask(chat, 'Do you ship to Norway?');
  await reset(chat);
  await chat.questions.filter({ hasText: 'merino wool' }).waitFor();
  assert.deepEqual(await chat.questionTexts(), ['How do I wash merino wool?']);
  assert.deepEqual((await storedNames(chat)).filter((name) => name.includes('customer')), []);
});

test('inbox says what is verified, and what the visitor has typed', async () => {
  const chat = await visit();
  await identify(chat, sign({ sub: 'customer 11', name: 'Zoë Park' }));
  await chat.open();
  await ask(chat, 'Can I talk to a person? My e-mail address is someone@else.example');
  const { id } = await parlor.newestConversation();
  const { page } = await newAgent(browser, parlor, 'Mara Lind');
  const { view } = await ConversationPage.open(page, parlor, id);
  const panel = view.getByRole('complementary');
  await panel.getByText('someone@else.example').waitFor();
  const verified = panel.getByText('Verified', { exact: true });
  assert.equal(await verified.count(), 1);
  assert.match(await verified.locator('../..').innerText(), /^Zoë Park/);
  const fact = panel.locator('dd').filter({ hasText: 'someone@else.example' });
  assert.match(await fact.innerText(), /given in the chat/);

  await identify(chat, sign({ sub: 'customer 13', name: 'Ida Holm', email: 'ida@shop.example' }));
  await chat.questions.first().waitFor({ state: 'detached' });
  await ask(chat, 'Can I talk to a person?');
  const signed = await parlor.newestConversation();
  await ConversationPage.open(page, parlor, signed.id);
  const address = panel.locator('dd').filter({ hasText: 'ida@shop.example' });
  await address.getByText('Verified', { exact: true }).waitFor();
  assert.equal(await verified.count(), 2);

  await identify(chat, sign({ sub: 'customer 12' }));
  await chat.questions.first().waitFor({ state: 'detached' });
  await ask(chat, 'Can I talk to a person? My e-mail address is someone@else.example');
  const nameless = await parlor.newestConversation();
  await ConversationPage.open(page, parlor, nameless.id);
  await view.getByRole('heading', { name: 'customer 12' }).waitFor();
});

test('nothing is stored for an identified person before the first opening', async () => {
  const chat = await visit();
  await identify(chat, sign({ sub: 'customer 8' }));
  await chat.page.waitForLoadState('networkidle');
  assert.deepEqual(await storedNames(chat), []);
});

test('refused token is reported to the page, which can give another one', async () => {
  const chat = await visit();
  const refusal = chat.page.evaluate(
    (token) =>
      new Promise((done) => {
        window.parlor.addEventListener('identityerror', ({ detail }) => done(detail.status));
        window.parlor.identify(token);
        void window.parlor.open();
      }),
    sign({ sub: 'customer 9' }, 'another secret'),
  );
  await chat.input.waitFor();
  await chat.send('Do you ship to Norway?');
  assert.equal(await refusal, 401);

  // The message is back in the input field.
  await identify(chat, sign({ sub: 'customer 9' }));
  await chat.button('Send').click();
  await chat.waitForEnd();
  assert.equal((await newestVisitor()).externalId, 'customer 9');
});

test('text that is no token is an error of the page', async () => {
  const chat = await visit();
  await assert.rejects(identify(chat, 'customer 10'), /JSON Web Token/);
});
