// The set-up page, from the link that a server prints at its first start.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { launch, newVisitor } from '../widget/browser.js';

let browser, folder, server, link;
before(async () => {
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

test('owner sets up account, website, knowledge, and asks a question', async () => {
  const { context, problems } = await newVisitor(browser);
  const page = await context.newPage();
  await page.goto(link);
  await page.getByLabel('Your name').fill('Mara Lind');
  await page.getByLabel('E-mail address').fill('mara@shop.example');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create the account' }).click();

  await page.getByLabel('Name of the website').fill('Corner Shop');
  await page.getByLabel('Colour', { exact: true }).fill('#5b3fd6');
  await page.getByLabel('Greeting').fill('Hello from the Corner Shop');
  await page.getByRole('button', { name: 'Save and continue' }).click();

  await page.getByText('data-key="pk_').waitFor();
  // A reload continues where the set-up was.
  await page.reload();
  await page.getByText('data-key="pk_').waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.getByLabel('Question', { exact: true }).fill('How long does shipping take?');
  await page.getByLabel('Answer', { exact: true }).fill('Shipping takes three days.');
  await page.getByRole('button', { name: 'Save and continue' }).click();

  const chat = page.locator('parlor-chat');
  await chat.getByText('Hello from the Corner Shop').waitFor();
  await chat.getByRole('textbox').fill('How long does shipping take?');
  await chat.getByRole('textbox').press('Enter');
  await chat.getByText('Shipping takes three days.', { exact: true }).waitFor();
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
