// axe-core in each state of the chat, and screenshots for review.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { desktop, launch, newVisitor, phone } from './browser.js';
import { ChatPage } from './chat.js';
import { startParlor } from './parlor.js';
import { startSite } from './site.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

let browser, parlor, site, axe;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
  site = await startSite(parlor.url);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
});

/** The violations of axe in the page. */
async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

const screens = { 1280: desktop, 360: phone };
for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries(screens)) {
    test(`${width} px, ${colorScheme}`, async () => {
      const { context } = await newVisitor(browser, { viewport, colorScheme });
      const chat = await ChatPage.visit(context, parlor.url);
      const { page } = chat;
      const review = async (name) => {
        const file = `${SCREENSHOTS}/${name}-${width}-${colorScheme}.png`;
        if (SCREENSHOTS) await page.screenshot({ path: file });
        assert.deepEqual(await violations(page), [], name);
      };
      await chat.bubble.waitFor();
      await review('closed');
      await chat.open();
      await review('welcome');
      await chat.send('How do I wash merino wool?');
      await chat.waitForEnd();
      await chat.send('What are the shipping costs to Norway? See https://shop.example/help');
      await chat.questions.nth(1).waitFor();
      await chat.waitForEnd();
      await chat.button('Helpful').last().click();
      await review('answers');
      const { id } = await parlor.newestConversation();
      await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
      const content = 'Hello, this is **Mara**. I have looked at your order; it leaves us today.';
      await parlor.request('POST', `/conversations/${id}/replies`, { content });
      await chat.waitForText('it leaves us today');
      await chat.panel.getByText('Mara is here').waitFor();
      await review('agent');
      await chat.button('Conversations').click();
      await chat.panel.locator('.history li').first().waitFor();
      await review('history');
      await chat.panel.locator('.history li button').first().click();
      await parlor.request('POST', `/conversations/${id}/close`, {});
      await page.reload();
      await chat.panel.locator('.ended').waitFor();
      await review('ended');
      await context.close();
    });
  }
}

test('screen readers hear a complete answer once', async () => {
  const { context } = await newVisitor(browser);
  const chat = await ChatPage.visit(context, site.url);
  await chat.open();
  await chat.page.evaluate(() => {
    window.heard = [];
    const root = document.querySelector('parlor-chat').shadowRoot;
    const regions = root.querySelectorAll('[role=status]');
    const observer = new MutationObserver((changes) => {
      for (const { target } of changes) window.heard.push(target.textContent);
    });
    for (const region of regions) observer.observe(region, { characterData: true, childList: true, subtree: true });
  });
  await chat.send('How do I wash merino wool?');
  await chat.waitForEnd();
  await chat.page.waitForFunction(() => window.heard.some((text) => text.includes('wool programme')));
  const heard = await chat.page.evaluate(() => [...new Set(window.heard)]);
  assert.equal(heard.filter((text) => text.includes('wool programme')).length, 1, String(heard));
  assert.equal(await chat.panel.locator('[role=log]').count(), 1);
});

test('colours that the system forces keep the chat usable', async () => {
  const { context } = await newVisitor(browser, { forcedColors: 'active' });
  const chat = await ChatPage.visit(context, site.url);
  await chat.open();
  const border = await chat.messages.first().locator('.body')
    .evaluate((body) => getComputedStyle(body).borderTopWidth);
  assert.equal(border, '1px');
});
