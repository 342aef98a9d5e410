// axe-core in each state of the conversation view, keys, screen readers, and screenshots.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { desktop, launch, newVisitor, phone } from '../widget/browser.js';
import { ChatPage } from '../widget/chat.js';
import { startParlor } from '../widget/parlor.js';
import { startSite } from '../widget/site.js';
import { newAgent } from './agent.js';
import { ConversationPage } from './conversation-page.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

/** Beside the saved replies of the demo. */
const SAVED_REPLY = { name: 'Greeting', text: 'Hello, this is Mara. How can I help you?' };

let browser, parlor, site, axe;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
  site = await startSite(parlor.url);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await parlor.request('POST', '/saved-replies', SAVED_REPLY);
  if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
});
after(async () => {
  site?.stop();
  await browser?.close();
  await parlor?.stop();
});

async function violations(page) {
  await page.evaluate(axe);
  // The announcer of React Aria refers for seconds to a button that was pressed and is gone.
  const context = { exclude: ['[data-live-announcer]'] };
  const { violations } = await page.evaluate((context) => window.axe.run(context), context);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** A visitor with one answered question. */
async function newChat() {
  const { context } = await newVisitor(browser);
  const chat = await (await ChatPage.visit(context, site.url)).open();
  await chat.send('How do I wash merino wool?');
  await chat.waitForEnd();
  const { id } = await parlor.newestConversation();
  return { chat, id };
}

const screens = { 1280: desktop, 360: phone };
for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries(screens)) {
    test(`${width} px, ${colorScheme}`, async () => {
      const { chat, id } = await newChat();
      await chat.button('Helpful').last().click();
      await chat.send('Can I talk to a person? You can reach me at ingrid@example.no');
      await chat.waitForEnd();
      const agent = await newAgent(browser, parlor, 'Mara Lindqvist', { viewport, colorScheme });
      const { page } = agent;
      const conversation = await ConversationPage.open(page, parlor, id);
      const review = async (name) => {
        const file = `${SCREENSHOTS}/conversation-${name}-${width}-${colorScheme}.png`;
        if (SCREENSHOTS) await page.screenshot({ path: file });
        assert.deepEqual(await violations(page), [], name);
      };
      await conversation.rows.nth(3).waitFor();
      await review('assistant');
      await conversation.note('Customer since 2021');
      await conversation.reply('Hello, this is **Mara**. Shipping costs:\n\n- standard 5 €\n- express 12 €');
      await conversation.rows.and(page.locator('[data-role=human_agent][data-state=complete]')).waitFor();
      await conversation.input.fill('Your *label* is attached');
      await review('agent');
      await conversation.button('Preview').click();
      await review('preview');
      await conversation.button('Back to the text').click();
      await conversation.input.fill('/');
      await page.getByRole('option', { name: /Greeting/ }).waitFor();
      await review('saved-replies');
      await conversation.input.fill('');
      await conversation.button('Internal note').click();
      await conversation.input.fill('A note');
      await review('note');
      await conversation.input.fill('');
      await conversation.button('More actions').click();
      await page.getByRole('menu').waitFor();
      await review('menu');
      await page.getByRole('menuitem', { name: /saved replies/ }).click();
      await review('manage');
      await page.keyboard.press('Escape');
      await conversation.dialog.waitFor({ state: 'detached' });
      if (Number(width) < 1200) {
        await conversation.button('About the visitor').click();
        await conversation.dialog.getByText('Anonymous').or(conversation.dialog.getByText('Unverified')).waitFor();
        await review('visitor');
        await page.keyboard.press('Escape');
        await conversation.dialog.waitFor({ state: 'detached' });
      }
      await page.route('**/replies', (route) => route.abort());
      await conversation.button('Reply').click();
      await conversation.reply('This cannot be sent');
      await conversation.row('This cannot be sent').getByText('Not sent').waitFor();
      await review('failed');
      await conversation.button('Discard').click();
      await conversation.heading.focus();
      await page.keyboard.press('e');
      await conversation.dialog.waitFor();
      await review('close');
      await conversation.dialog.getByRole('button', { name: 'Resolved' }).click();
      await conversation.dialog.getByRole('button', { name: 'Close the conversation' }).click();
      await conversation.view.getByText('Closed: Resolved').waitFor();
      await review('closed');
      await page.goto(`${parlor.url}/inbox/conversations/${crypto.randomUUID()}`);
      await page.getByText('There is no such conversation').waitFor();
      await review('missing');
      await agent.context.close();
    });
  }
}

test('keys reply, write a note, close and leave the field', async () => {
  const { id } = await newChat();
  const { page } = await newAgent(browser, parlor, 'Mara');
  const conversation = await ConversationPage.open(page, parlor, id);
  const focused = () => page.evaluate(() => document.activeElement.localName);
  await page.keyboard.press('r');
  await page.waitForFunction(() => document.activeElement.localName === 'textarea');
  await page.keyboard.type('rent');
  assert.equal(await conversation.input.inputValue(), 'rent');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'h2');
  await page.keyboard.press('n');
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Internal note');
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await conversation.button('Hand back').waitFor();
  await page.keyboard.press('e');
  await conversation.dialog.getByText('Close the conversation').first().waitFor();
  await page.keyboard.press('r');
  assert.equal(await conversation.dialog.getByRole('textbox').inputValue(), 'r');
});

test('screen readers hear a new message of the visitor once', async () => {
  const { chat, id } = await newChat();
  const { page } = await newAgent(browser, parlor, 'Mara');
  const conversation = await ConversationPage.open(page, parlor, id);
  await conversation.button('Take over').click();
  await chat.panel.getByText('Mara is here').waitFor();
  await page.evaluate(() => {
    window.heard = [];
    const observer = new MutationObserver(() => {
      for (const region of document.querySelectorAll('[role=status]')) window.heard.push(region.textContent);
    });
    observer.observe(document.body, { characterData: true, childList: true, subtree: true });
  });
  await chat.send('Are you there?');
  await page.waitForFunction(() => window.heard.some((text) => text.includes('Are you there?')));
  assert.equal(await conversation.log.getAttribute('aria-live'), 'off');
});
