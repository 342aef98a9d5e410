// Sign-in by password and link, sign-out, and the end of a session.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, newVisitor } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ListPage } from './list-page.js';

const PASSWORD = 'correct horse battery';

let browser, parlor;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

const heading = (page, name) => page.getByRole('heading', { name, exact: true });

test('agent chooses a password by the link, and signs in with it', async () => {
  const account = { name: 'Mara Lind', email: 'mara@shop.example', role: 'agent' };
  const { signInLink } = await parlor.request('POST', '/agents', account);
  const { context } = await newVisitor(browser);
  const page = await context.newPage();
  await page.goto(`${parlor.url}/inbox${new URL(signInLink).hash}`);
  await page.getByLabel('New password').fill('short');
  await page.getByRole('button', { name: 'Open the inbox' }).click();
  await page.getByText(/at least|10/).nth(1).waitFor();
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Open the inbox' }).click();
  await heading(page, 'Inbox').waitFor();
  assert.ok(!page.url().includes('#'), 'the address keeps the token');

  await page.getByRole('button', { name: 'Account of Mara Lind' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await heading(page, 'Sign in').waitFor();
  await page.getByLabel('E-mail address').fill(account.email);
  await page.getByLabel('Password').fill('wrong password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('E-mail address or password is wrong.').waitFor();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Password').press('Enter');
  await heading(page, 'Inbox').waitFor();
  await context.close();
});

test('link that is not valid leads to the sign-in page', async () => {
  const { context } = await newVisitor(browser);
  const page = await context.newPage();
  await page.goto(`${parlor.url}/inbox#link=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
  await page.getByRole('button', { name: 'Open the inbox' }).click();
  await page.getByText('This link was used or is too old').waitFor();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await heading(page, 'Sign in').waitFor();
  await context.close();
});

test('session that ended shows the sign-in page, and signing in returns to the address', async () => {
  const { id, context, page } = await newAgent(browser, parlor, 'Ada');
  const list = new ListPage(page, parlor.url);
  await list.open('?view=all');
  await page.evaluate(() => fetch('/v2/agents/sign-out', { method: 'POST' }));
  await list.view('Closed').click();
  await page.getByText('You were signed out.').waitFor();
  const { signInLink } = await parlor.request('POST', `/agents/${id}/link`);
  const token = signInLink.split('#link=')[1];
  await page.evaluate(async (token) => {
    const body = JSON.stringify({ token });
    const headers = { 'Content-Type': 'application/json' };
    await fetch('/v2/agents/sign-in-link', { method: 'POST', headers, body });
  }, token);
  await page.reload();
  await heading(page, 'Inbox').waitFor();
  assert.match(page.url(), /view=closed/);
  await context.close();
});
