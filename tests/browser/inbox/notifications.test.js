// An owner sets up e-mail and a webhook, and a conversation that waits triggers both.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startMail } from '../widget/mail.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { visitorWrites } from './list-page.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;
const TIMEOUT_MS = 30_000;

let browser, mail, parlor, receiver;
const events = [];
before(async () => {
  mail = await startMail();
  receiver = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join(''));
    response.writeHead(204).end();
    events.push({ headers: request.headers, body });
    receiver.emit('event');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const args = ['--smtp-url', mail.url, '--email-from', 'Shop <help@shop.example>',
    '--webhook-private-network'];
  [browser, parlor] = await Promise.all([launch(), startParlor({ args })]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
  mail?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
});

async function nextEvent(type) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  for (;;) {
    const event = events.find(({ body }) => body.type === type);
    if (event) return event;
    await once(receiver, 'event', { signal });
  }
}

test('conversation that waits triggers badge, webhook and e-mail', async () => {
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  await page.goto(`${parlor.url}/inbox/notifications`);
  const section = (label) => page.locator('section')
    .filter({ has: page.getByLabel(label, { exact: true }) });
  const email = section('Send to');
  await email.getByLabel('Send to').fill('team@shop.example');
  await email.getByRole('button', { name: 'Save' }).click();
  const webhook = section('URL');
  await webhook.getByLabel('URL').fill(`http://127.0.0.1:${receiver.address().port}/hook`);
  await webhook.getByRole('button', { name: 'Save' }).click();
  await webhook.getByText('whsec_').first().waitFor();
  await webhook.getByRole('button', { name: 'Send a test' }).click();
  await nextEvent('notification.test');

  const { total: waiting } = await parlor.request('GET', '/conversations?waiting=true&limit=1');
  const id = await visitorWrites(parlor, 'I want to talk to a person');
  await page.getByTitle(`${waiting + 1} waiting for a person`).waitFor();
  const { body, headers } = await nextEvent('conversation.waiting');
  assert.equal(body.data.conversation.id, id);
  assert.ok(headers['webhook-id'] && headers['webhook-signature']);
  await page.reload();
  await page.getByRole('list', { name: 'Sent notifications' }).getByRole('listitem').nth(1).waitFor();
  if (SCREENSHOTS) { await page.getByText('Sent in the last days').scrollIntoViewIfNeeded(); await page.screenshot({ path: `${SCREENSHOTS}/pages-sent.png` }); }
  const text = await mail.waitFor(/To: .*team@shop\.example/, TIMEOUT_MS);
  assert.match(text, new RegExp(`/inbox/conversations/${id}`));
  await context.close();
});
