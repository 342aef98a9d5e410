// The widget in a page of another website: what it loads, stores and leaves alone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, newVisitor, phone } from './browser.js';
import { ChatPage } from './chat.js';
import { startParlor } from './parlor.js';
import { startSite, tag } from './site.js';

let browser, parlor, site;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
  site = await startSite(parlor.url);
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
});

async function visit(path, options) {
  const visitor = await newVisitor(browser, options);
  const chat = await ChatPage.visit(visitor.context, site.url + path);
  return { ...visitor, chat, page: chat.page };
}

const storedEntries = (page) =>
  page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);

test('before the first opening, nothing is stored and only the settings are requested', async () => {
  const { context } = await newVisitor(browser);
  const paths = [];
  context.on('request', (request) => {
    const { origin, pathname } = new URL(request.url());
    if (origin === parlor.url) paths.push(pathname);
  });
  const chat = await ChatPage.visit(context, site.url);
  await chat.bubble.waitFor();
  await chat.page.waitForLoadState('networkidle');
  assert.deepEqual(paths, ['/widget.js', '/v2/projects/current']);
  assert.deepEqual(await storedEntries(chat.page), []);
  assert.deepEqual(await context.cookies(), []);

  await chat.open();
  await chat.input.waitFor();
  assert.ok(paths.some((path) => path.startsWith('/assets/panel-')), String(paths));
});

test('page keeps its globals, elements and styles', async () => {
  const { page, chat } = await visit('/');
  await chat.bubble.waitFor();
  const frame = () => page.evaluate(() => {
    const blank = document.createElement('iframe');
    document.body.append(blank);
    const standard = new Set(Object.getOwnPropertyNames(blank.contentWindow));
    blank.remove();
    return Object.getOwnPropertyNames(window).filter((name) => !standard.has(name));
  });
  const globals = await frame();
  assert.ok(globals.includes('parlor'));
  assert.deepEqual(globals.filter((name) => !/^(parlor|__)/.test(name)), []);
  assert.equal(await page.locator('body > parlor-chat').count(), 1);
  assert.equal(await page.locator('head style, head link[rel=stylesheet]').count(), 0);
});

test('text that the visitor has selected in the page is sent with the next message', async () => {
  const { chat, page } = await visit('/');
  const ask = async (text) => {
    await chat.send(text);
    await chat.questions.filter({ hasText: text }).waitFor();
    await chat.waitForEnd();
  };
  const selectWord = () => page.getByRole('heading', { name: 'Shop' })
    .dblclick({ position: { x: 20, y: 15 } });
  await selectWord();
  await chat.open();
  await ask('What is this?');
  await ask('And how do I wash merino wool?');
  await selectWord();
  await chat.input.click();
  await ask('What is this word?');
  await selectWord();
  await page.mouse.click(600, 400);
  await chat.input.click();
  await ask('Do you ship to Norway?');
  const { messages } = await parlor.newestConversation();
  const selections = messages.filter(({ role }) => role === 'user')
    .map(({ textSelection }) => textSelection);
  assert.deepEqual(selections, ['Shop', null, 'Shop', null]);
});

test('works under a strict content security policy with a nonce', async () => {
  const { chat, problems } = await visit('/strict');
  await chat.open();
  await chat.send('How do I wash merino wool?');
  await chat.waitForText('wool programme');
  await chat.waitForEnd();
  assert.deepEqual(problems, []);
});

test('works as an ES module', async () => {
  const { chat, problems } = await visit('/module');
  await chat.open();
  const scheme = await chat.panel.evaluate((panel) => getComputedStyle(panel).colorScheme);
  assert.equal(scheme, 'dark');
  assert.deepEqual(problems, []);
});

test('styles of the page do not reach the widget', async () => {
  const { chat } = await visit('/hostile');
  const box = await chat.bubble.boundingBox();
  assert.deepEqual([box.width, box.height], [56, 56]);
  assert.deepEqual([box.x, box.y], [1280 - 56 - 20, 800 - 56 - 20]);
  await chat.open();
  const size = await chat.input.evaluate((input) => getComputedStyle(input).fontSize);
  assert.equal(size, '15px');
});

test('own button of the page opens the chat and gets the focus back', async () => {
  const { chat, page } = await visit('/launcher');
  await page.waitForFunction(() => window.parlor);
  await page.waitForLoadState('networkidle');
  assert.equal(await chat.bubble.count(), 0);
  await page.getByRole('button', { name: 'Help' }).click();
  await chat.input.waitFor();
  await page.waitForFunction(() => document.activeElement.localName === 'parlor-chat');
  await page.keyboard.press('Escape');
  await chat.panel.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'help');
});

test('script that runs again leaves the chat as it is', async () => {
  const { chat, page } = await visit('/');
  await chat.open();
  await chat.input.fill('a draft');
  await page.evaluate((html) => {
    document.querySelector('script').remove();
    const script = document.createRange().createContextualFragment(html).firstChild;
    const added = new Promise((done) => { script.onload = done; });
    document.body.append(script);
    return added;
  }, tag(parlor.url));
  assert.equal(await page.locator('parlor-chat').count(), 1);
  assert.equal(await chat.input.inputValue(), 'a draft');
});

test('widget survives a replaced body, and starts again after destroy', async () => {
  const { chat, page } = await visit('/');
  await chat.bubble.waitFor();
  await page.evaluate(() => {
    document.body.replaceWith(document.createElement('body'));
  });
  await chat.bubble.waitFor();
  await page.evaluate(() => window.parlor.destroy());
  assert.equal(await page.locator('parlor-chat').count(), 0);
  assert.equal(await page.evaluate(() => window.parlor), undefined);
  await page.evaluate((html) => {
    document.body.append(document.createRange().createContextualFragment(html));
  }, tag(parlor.url));
  await chat.open();
});

test('page controls the widget and gets its events', async () => {
  const { chat, page } = await visit('/');
  await chat.bubble.waitFor();
  await page.evaluate(() => {
    window.events = [];
    for (const type of ['open', 'close', 'message', 'destroy']) {
      window.parlor.addEventListener(type, ({ detail }) => window.events.push([type, detail]));
    }
    return window.parlor.open();
  });
  await chat.send('How do I wash merino wool?');
  await chat.waitForEnd();
  await page.evaluate(() => window.parlor.close());
  await page.evaluate(() => window.parlor.hide());
  await chat.bubble.waitFor({ state: 'hidden' });
  await page.evaluate(() => window.parlor.show());
  await chat.bubble.waitFor();
  await page.evaluate(() => window.parlor.destroy());
  const events = await page.evaluate(() => window.events);
  assert.deepEqual(events.map(([type]) => type), ['open', 'message', 'message', 'close', 'destroy']);
  assert.deepEqual(events[1][1], { role: 'user', text: 'How do I wash merino wool?' });
  assert.equal(events[2][1].role, 'assistant');
});

test('unknown key: no button, and the console names the remedy', async () => {
  const { context } = await newVisitor(browser);
  const page = await context.newPage();
  const message = page.waitForEvent('console', (event) => event.text().startsWith('parlor:'));
  await page.goto(`${site.url}/unknown-key`);
  assert.match((await message).text(), /parlor keys list/);
  assert.equal(await page.locator('parlor-chat').count(), 0);
});

test('speaks the language of the page', async () => {
  const { context, problems } = await newVisitor(browser);
  const expected = {
    en: 'Write a message', 'de-AT': 'Nachricht schreiben', fr: 'Écrire un message',
    es: 'Escribe un mensaje', it: 'Scrivi un messaggio', pt: 'Escreva uma mensagem',
    pl: 'Napisz wiadomość', uk: 'Напишіть повідомлення', el: 'Γράψτε ένα μήνυμα',
    tr: 'Mesaj yazın', vi: 'Nhập tin nhắn', 'zh-CN': '输入消息', ja: 'メッセージを入力',
    ko: '메시지를 입력하세요', hi: 'संदेश लिखें', ar: 'اكتب رسالة', sv: 'Write a message',
  };
  for (const [lang, placeholder] of Object.entries(expected)) {
    const chat = await ChatPage.visit(context, `${site.url}/?lang=${lang}`);
    await chat.page.evaluate(() => sessionStorage.clear());
    await chat.open();
    assert.equal(await chat.input.getAttribute('placeholder'), placeholder, lang);
    const direction = await chat.panel.evaluate((panel) => getComputedStyle(panel).direction);
    assert.equal(direction, lang === 'ar' ? 'rtl' : 'ltr', lang);
    await chat.page.close();
  }
  assert.deepEqual(problems, []);
});

describe('on a phone', () => {
  test('panel covers the page and its fields are not zoomed', async () => {
    const { chat, page } = await visit('/', { viewport: phone, hasTouch: true, isMobile: true });
    await chat.open();
    const box = await chat.panel.boundingBox();
    assert.deepEqual(box, { x: 0, y: 0, ...phone });
    const size = await chat.input.evaluate((input) => getComputedStyle(input).fontSize);
    assert.ok(Number.parseFloat(size) >= 16, size);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), phone.width);
    await chat.button('Close chat').click();
    await chat.bubble.waitFor();
  });
});
