// The set-up page, from the link that a server prints at its first start.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { launch, newVisitor, phone } from '../widget/browser.js';

let browser, folder, server, link, axe;
before(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'parlor-setup-'));
  const args = ['serve', '--db', join(folder, 'new.db'), '--listen', '127.0.0.1:0'];
  server = spawn(process.env.PARLOR, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  server.stderr.resume();
  browser = await launch();
  const lines = createInterface(server.stdout);
  for await (const line of lines) {
    link = /http\S+\/setup#\S+/.exec(line)?.[0];
    if (link) break;
  }
  server.stdout.resume();
});
after(async () => {
  await browser?.close();
  server?.kill();
  if (server?.exitCode === null && server.signalCode === null) await once(server, 'exit');
  await rm(folder, { recursive: true });
});

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

/** Checks a step at the width of a phone and of a desktop, in light and dark. */
async function review(page, name) {
  const desktop = page.viewportSize();
  for (const [width, size] of Object.entries({ 360: phone, 1280: desktop })) {
    await page.setViewportSize(size);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      const path = `${SCREENSHOTS}/setup-${name}-${width}-${colorScheme}.png`;
      if (SCREENSHOTS) await page.screenshot({ path });
      const overflow = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(overflow, 0, `${name} is wider than ${width} px`);
      await page.evaluate(axe);
      const exclude = [['[data-live-announcer]']];
      const { violations } = await page.evaluate((exclude) => window.axe.run({ exclude }), exclude);
      const serious = violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(serious, [], `${name}, ${width} px, ${colorScheme}`);
    }
  }
}

/** Each step begins at its heading, so that the keyboard continues there. */
async function checkFocus(page, title) {
  await page.getByRole('heading', { name: title }).and(page.locator(':focus')).waitFor();
}

test('owner sets up account, website, knowledge, and asks a question', async () => {
  const { context, problems } = await newVisitor(browser);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByText('Enter the name that visitors see.').waitFor();
  await review(page, 'account');
  await page.getByLabel('Your name').fill('Mara Lind');
  await page.getByLabel('E-mail address').fill('mara@shop.example');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();

  await checkFocus(page, 'Your website');
  await page.getByLabel('Name of the website').waitFor();
  await review(page, 'website');
  await page.getByLabel('Name of the website').fill('Corner Shop');
  await page.getByLabel('Colour', { exact: true }).fill('#5b3fd6');
  await page.getByLabel('Greeting').fill('Hello from the Corner Shop');
  await page.getByRole('button', { name: 'Save and continue' }).click();

  await page.getByText('data-key="pk_').waitFor();
  await review(page, 'script');
  // A reload continues where the set-up was.
  await page.reload();
  await page.getByText('data-key="pk_').waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();

  await checkFocus(page, 'What the assistant knows');
  await review(page, 'knowledge');
  await page.getByLabel('Question', { exact: true }).fill('How long does shipping take?');
  await page.getByLabel('Answer', { exact: true }).fill('Shipping takes three days.');
  await page.getByRole('button', { name: 'Save and continue' }).click();

  const chat = page.locator('parlor-chat');
  await chat.getByText('Hello from the Corner Shop').waitFor();
  await chat.getByRole('textbox').fill('How long does shipping take?');
  await chat.getByRole('textbox').press('Enter');
  await chat.getByText('Shipping takes three days.', { exact: true }).waitFor();
  await review(page, 'test');
  await page.getByRole('button', { name: 'Open the inbox' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await page.locator('[data-index="0"]').getByText('How long does shipping take?').first().waitFor();
  assert.deepEqual(problems.filter((text) => text.startsWith('violates')), []);
  await context.close();
});

test('link can be used once', async () => {
  const { context } = await newVisitor(browser);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByLabel('Your name').fill('Eve');
  await page.getByLabel('E-mail address').fill('eve@shop.example');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByText('This link was used or is too old').waitFor();
  await context.close();
});
