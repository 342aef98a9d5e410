// The page that the link of an e-mail with a reply opens.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { newVisitorSession } from '../inbox/list-page.js';
import { desktop, launch, newVisitor, phone } from './browser.js';
import { ChatPage } from './chat.js';
import { startMail } from './mail.js';
import { startParlor } from './parlor.js';
import { startSite } from './site.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

/** The server e-mails a reply 2 minutes after it, if the visitor has left. */
const EMAIL_TIMEOUT_MS = 200_000;

let browser, mail, parlor, site, axe, written;
before(async () => {
  mail = await startMail();
  const args = ['--smtp-url', mail.url, '--email-from', 'Shop <help@shop.example>'];
  [browser, parlor] = await Promise.all([launch(), startParlor({ args })]);
  site = await startSite(parlor.url);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
  // The last test reads the e-mail, which takes its time.
  written = await visitorLeaves();
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
  mail?.stop();
});

/** A visitor leaves an address and the website. An agent replies afterwards. */
async function visitorLeaves() {
  const { context } = await newVisitor(browser);
  const chat = await (await ChatPage.visit(context, site.url)).open();
  await chat.send('Can I talk to a person? My e-mail address is ingrid@example.no');
  await chat.waitForEnd();
  const { id } = await parlor.newestConversation();
  await context.close();
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  const content = 'Hello Ingrid, your parcel arrives **tomorrow**.';
  await parlor.request('POST', `/conversations/${id}/replies`, { content });
  return id;
}

const LINK = '**/v2/identity/link';

/** The response to a valid link: the session of a new visitor with a conversation. */
async function newLink() {
  const { begin, sessionToken } = await newVisitorSession(parlor);
  const id = await begin('How do I wash merino wool?');
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  const content = 'Hello, this is Mara. Your parcel leaves us **today**.';
  await parlor.request('POST', `/conversations/${id}/replies`, { content });
  return { sessionToken, apiKey: 'pk_demo', conversationId: id };
}

async function openPage(options = {}) {
  const { context, problems } = await newVisitor(browser, options);
  const page = await context.newPage();
  return { context, problems, page, chat: new ChatPage(page) };
}

const heading = (page, name) => page.getByRole('heading', { name, exact: true });

/** The link of an e-mail, without the mail: the server does not make links on request. */
async function openLink(page, link) {
  await page.route(LINK, (route) => route.fulfill({ status: 201, json: link }));
  await page.goto(`${parlor.url}/chat#token-of-an-e-mail`);
}

for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries({ 360: phone, 1280: desktop })) {
    test(`conversation fills the page, ${width} px, ${colorScheme}`, async () => {
      const { context, chat, page } = await openPage({ viewport, colorScheme });
      await openLink(page, await newLink());
      await chat.waitForText('leaves us today');
      const box = await chat.panel.boundingBox();
      assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, viewport.width, viewport.height]);
      for (const part of [chat.messages.last(), chat.input]) {
        const { x, width } = await part.boundingBox();
        assert.ok(x >= 0 && x + width <= viewport.width && width <= 760, `${x} ${width}`);
      }
      const overflow = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0);
      assert.equal(await chat.button('Close chat').count(), 0);
      await page.keyboard.press('Escape');
      assert.ok(await chat.input.isVisible());
      await review(page, `page-conversation-${width}-${colorScheme}`);
      await context.close();
    });

    test(`messages of the page say what to do, ${width} px, ${colorScheme}`, async () => {
      const { context, page } = await openPage({ viewport, colorScheme });
      await page.goto(`${parlor.url}/chat#wrong-token`);
      await heading(page, 'This link is no longer valid').waitFor();
      await page.getByText('open the link in the newest e-mail').waitFor();
      await review(page, `page-ended-${width}-${colorScheme}`);
      await page.goto('about:blank');
      await page.goto(`${parlor.url}/chat`);
      await heading(page, 'No conversation is open here').waitFor();
      await review(page, `page-missing-${width}-${colorScheme}`);
      await context.close();
    });
  }
}

async function review(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(serious, [], name);
}

for (const [locale, title] of [['de-AT', 'Dieser Link ist nicht mehr gültig'], ['ar', 'لم يعد هذا الرابط صالحًا'], ['sv', 'This link is no longer valid']]) {
  test(`page speaks the language of the browser, ${locale}`, async () => {
    const { context, page, chat } = await openPage({ locale });
    await page.goto(`${parlor.url}/chat#wrong-token`);
    await heading(page, title).waitFor();
    const language = locale === 'sv' ? 'en' : locale.split('-')[0];
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    await page.goto('about:blank');
    await openLink(page, await newLink());
    await chat.waitForText('leaves us today');
    assert.equal(await chat.panel.getAttribute('lang'), language);
    await context.close();
  });
}

test('link that cannot be opened now can be tried again', async () => {
  const { context, chat, page } = await openPage();
  const link = await newLink();
  await page.route(LINK, (route) => route.abort());
  await page.goto(`${parlor.url}/chat#token-of-an-e-mail`);
  await heading(page, 'The conversation could not be opened').waitFor();
  await page.unroute(LINK);
  await page.route(LINK, (route) => route.fulfill({ status: 429, json: {} }));
  await page.getByRole('button', { name: 'Try again' }).click();
  await heading(page, 'Too many attempts').waitFor();
  await page.unroute(LINK);
  await page.route(LINK, (route) => route.fulfill({ status: 201, json: link }));
  await page.getByRole('button', { name: 'Try again' }).click();
  await chat.waitForText('leaves us today');
  await context.close();
});

test('tab counts the replies that the visitor has not seen', async () => {
  const { context, chat, page } = await openPage();
  const link = await newLink();
  await openLink(page, link);
  await chat.waitForText('leaves us today');
  const setHidden = (isHidden) => page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
  await setHidden(true);
  for (const content of ['It is on its way.', 'It arrives tomorrow.']) {
    await parlor.request('POST', `/conversations/${link.conversationId}/replies`, { content });
  }
  await page.waitForFunction(() => document.title === '(2) Your conversation');
  await setHidden(false);
  assert.equal(await page.title(), 'Your conversation');
  await context.close();
});

test('session that the server no longer accepts starts no other conversation', async () => {
  const { context, chat, page } = await openPage();
  await openLink(page, await newLink());
  await chat.waitForText('leaves us today');
  const starts = [];
  page.on('request', (request) => starts.push(request.url()));
  await page.route('**/v2/conversations/*', (route) =>
    route.fulfill({ status: 401, json: { error: { code: 'UNAUTHORIZED' } } }));
  await page.reload();
  await heading(page, 'This link is no longer valid').waitFor();
  assert.equal(await chat.panel.count(), 0);
  assert.deepEqual(starts.filter((url) => url.endsWith('/identity/init')), []);
  await context.close();
});

test('link of the e-mail opens the conversation, the visitor answers, and a reload keeps it', async () => {
  const email = await mail.waitFor(/To: .*ingrid@example\.no/, EMAIL_TIMEOUT_MS);
  assert.match(email, /your parcel arrives/);
  const [, hash] = /\/chat(#[\w.-]+)/.exec(email);
  const { context, chat, page, problems } = await openPage();
  await page.goto(`${parlor.url}/chat${hash}`);
  await chat.waitForText('your parcel arrives tomorrow');
  assert.ok(!page.url().includes('#'), 'the address keeps the token');
  await chat.send('Thank you, Mara.');
  await chat.panel.locator('.message.user[data-state="complete"]').nth(1).waitFor();
  const { messages } = await parlor.request('GET', `/conversations/${written}`);
  assert.equal(messages.at(-1).parts[0].text, 'Thank you, Mara.');
  await page.reload();
  await chat.waitForText('Thank you, Mara.');
  const content = 'You are welcome.';
  await parlor.request('POST', `/conversations/${written}/replies`, { content });
  await chat.waitForText('You are welcome.');
  // Chromium says that pages without TLS get no such policy.
  const others = problems.filter((text) => !text.includes('Cross-Origin-Opener-Policy'));
  assert.deepEqual(others, []);
  await context.close();
});
