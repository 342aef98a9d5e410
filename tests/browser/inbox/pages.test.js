// The pages beside the list: axe-core in their states, their widths, and screenshots.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { desktop, launch, phone } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

/** The pages with the request without which they show nothing. */
const PAGES = {
  overview: 'statistics',
  knowledge: 'unanswered-questions',
  appearance: 'projects/current',
  keys: 'keys',
  agents: 'agents',
  notifications: 'notifications',
  account: 'agents/me/sessions',
};

let browser, parlor, axe;
before(async () => {
  const args = ['--learn-private-network'];
  [browser, parlor] = await Promise.all([launch(), startParlor({ conversations: 40, args })]);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

async function violations(page) {
  await page.evaluate(axe);
  // React Aria announces the state of buttons there, also of one that has gone.
  const exclude = [['[data-live-announcer]']];
  const { violations } = await page.evaluate((exclude) => window.axe.run({ exclude }), exclude);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Opens the page as an owner and waits until it has loaded. */
async function openPage(page, name) {
  await page.goto(`${parlor.url}/inbox/${name}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForLoadState('networkidle');
}

const screens = { 1280: desktop, 360: phone };
for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries(screens)) {
    test(`each page, ${width} px, ${colorScheme}`, async () => {
      const options = { viewport, colorScheme, role: 'owner' };
      const { context, page } = await newAgent(browser, parlor, 'Mara Lind', options);
      for (const name of Object.keys(PAGES)) {
        await openPage(page, name);
        const path = `${SCREENSHOTS}/pages-${name}-${width}-${colorScheme}.png`;
        if (SCREENSHOTS) await page.screenshot({ path });
        assert.deepEqual(await violations(page), [], name);
        const overflow = await page.evaluate(() =>
          document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(overflow, 0, `${name} is wider than the window`);
        const below = await page.evaluate(() =>
          document.documentElement.scrollHeight - document.documentElement.clientHeight);
        assert.ok(below <= 1, `${name}: the window scrolls by ${below} px`);
      }
      await context.close();
    });
  }
}

test('the knowledge page shows what the last run of a source skipped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-pages-'));
  await writeFile(join(folder, 'open.md'), '# Opening hours\n\nWe are open from 9 to 17 o’clock.');
  await writeFile(join(folder, 'later.md'), '---\ndraft: true\n---\n# Later\n\nNot yet.');
  const learn = ['learn', folder, '--base-url', 'https://shop.example/hours/', '--db', parlor.database];
  await promisify(execFile)(process.env.PARLOR, learn);
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  await openPage(page, 'knowledge');
  const row = page.getByRole('listitem').filter({ hasText: folder });
  await row.getByText('1 skipped').waitFor();
  await row.getByText('1 remark').click();
  await row.getByText('later.md').waitFor();
  assert.deepEqual(await violations(page), []);
  await context.close();
  await rm(folder, { recursive: true });
});

/** A website with eight pages, and a sitemap with the first `listed` ones. */
async function startWebsite() {
  const paths = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `/${number}.html`);
  const site = { listed: paths.length };
  const server = createServer((request, response) => {
    const { origin } = new URL(site.sitemap);
    const urls = paths.slice(0, site.listed).map((path) => `<url><loc>${origin}${path}</loc></url>`);
    const files = new Map(paths.map((path) => [path, ['text/html', `<h1>Mugs</h1><p>The mug ${path}.</p>`]]));
    files.set('/sitemap.xml', ['application/xml', `<?xml version="1.0"?><urlset>${urls.join('')}</urlset>`]);
    const [type, body] = files.get(request.url) ?? ['text/plain', ''];
    response.writeHead(files.has(request.url) ? 200 : 404, { 'Content-Type': type }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  site.sitemap = `http://127.0.0.1:${server.address().port}/sitemap.xml`;
  site.stop = () => server.close();
  return site;
}

test('the owner lets the assistant forget the missing pages of a website', async () => {
  const site = await startWebsite();
  await parlor.request('POST', '/sources', { url: site.sitemap });
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  await openPage(page, 'knowledge');
  const row = page.getByRole('listitem').filter({ hasText: site.sitemap });
  await row.getByText('8 pages').waitFor();
  const forget = row.getByRole('button', { name: 'Forget missing pages' });
  assert.equal(await forget.count(), 0, 'nothing is missing');
  site.listed = 2;
  await row.getByRole('button', { name: /^Learn again/ }).click();
  await row.getByText('6 of its 8 pages are missing').waitFor();
  await forget.click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Learn again' }).click();
  await row.getByText('2 pages').waitFor();
  assert.equal(await forget.count(), 0);
  assert.deepEqual(await violations(page), []);
  await context.close();
  site.stop();
});

/** How each dialog of the pages is opened. */
const DIALOGS = [
  ['knowledge', (page) => page.getByRole('button', { name: 'Add a Q&A' }).click()],
  ['knowledge', (page) => page.getByRole('button', { name: 'Learn a website' }).click()],
  ['knowledge', (page) => page.getByRole('button', { name: /^Delete: / }).first().click()],
  ['keys', (page) => page.getByRole('button', { name: 'Create a key' }).click()],
  ['keys', (page) => chooseAction(page, 'Signed identities')],
  ['keys', (page) => chooseAction(page, 'Revoke')],
  ['agents', (page) => page.getByRole('button', { name: 'Add an agent' }).click()],
  ['agents', (page) => chooseAction(page, 'Make a sign-in link')],
  ['agents', (page) => chooseAction(page, 'Remove')],
];

async function chooseAction(page, name) {
  await page.getByRole('button', { name: /^Actions for/ }).first().click();
  await page.getByRole('menuitem', { name }).click();
}

for (const colorScheme of ['light', 'dark']) {
  test(`each dialog, 360 px, ${colorScheme}`, async () => {
    const options = { viewport: phone, colorScheme, role: 'owner' };
    const { context, page } = await newAgent(browser, parlor, 'Mara Lind', options);
    for (const [index, [name, open]] of DIALOGS.entries()) {
      await openPage(page, name);
      await open(page);
      const dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
      await dialog.waitFor();
      const path = `${SCREENSHOTS}/dialog-${index}-${name}-${colorScheme}.png`;
      if (SCREENSHOTS) await page.screenshot({ path });
      assert.deepEqual(await violations(page), [], `${name} ${index}`);
      assert.ok(await dialog.evaluate((element) => element.contains(document.activeElement)));
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }
    await context.close();
  });
}

/** The longest line of text that is comfortable to read. */
const MAX_TEXT_WIDTH = 960;

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1440, 1920, 2560]) {
    test(`content stays readable, ${width} px, ${colorScheme}`, async () => {
      const viewport = { width, height: Math.round(width * 0.5625) };
      const options = { viewport, colorScheme, role: 'owner' };
      const { context, page } = await newAgent(browser, parlor, 'Mara Lind', options);
      const { id } = await parlor.newestConversation();
      for (const name of ['', `conversations/${id}`, ...Object.keys(PAGES)]) {
        await page.goto(`${parlor.url}/inbox/${name}${name ? '' : '?view=all'}`);
        await page.getByRole('heading').first().waitFor();
        await page.waitForLoadState('networkidle');
        const path = `${SCREENSHOTS}/wide-${name.split('/')[0] || 'list'}-${width}-${colorScheme}.png`;
        if (SCREENSHOTS) await page.screenshot({ path });
        const widths = await page.locator('main p:visible, main textarea:visible')
          .evaluateAll((elements) => elements
            .filter(({ firstChild, localName }) => firstChild?.nodeType === Node.TEXT_NODE || localName === 'textarea')
            .map(({ offsetWidth }) => offsetWidth));
        assert.ok(Math.max(0, ...widths) <= MAX_TEXT_WIDTH, `${name}: ${Math.max(...widths)}`);
      }
      await context.close();
    });
  }
}

test('each page says that it could not be loaded, and loads at the second attempt', async () => {
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  for (const [name, request] of Object.entries(PAGES)) {
    const pattern = new RegExp(`/v2/${request}(\\?|$)`);
    await page.route(pattern, (route) => route.fulfill({ status: 403, json: {} }));
    await page.goto(`${parlor.url}/inbox/${name}`);
    const alert = page.getByRole('alert').first();
    await alert.getByText('Your account may not do this.').waitFor();
    assert.deepEqual(await violations(page), [], name);
    await page.unroute(pattern);
    await alert.getByRole('button', { name: 'Try again' }).click();
    await alert.waitFor({ state: 'detached' });
  }
  await context.close();
});

test('each page shows that it is loading', async () => {
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  for (const [name, request] of Object.entries(PAGES)) {
    const pattern = new RegExp(`/v2/${request}(\\?|$)`);
    // The requests are never answered.
    await page.route(pattern, () => {});
    await page.goto(`${parlor.url}/inbox/${name}`);
    await page.getByRole('status').filter({ hasText: /…/ }).first().waitFor();
    await page.unroute(pattern);
  }
  await context.close();
});

test('page whose rendering fails shows a report, and the other pages work', async () => {
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  await page.route('**/v2/statistics?*', (route) => route.fulfill({ json: { days: null } }));
  await page.goto(`${parlor.url}/inbox/overview`);
  const heading = page.getByRole('heading', { name: 'This page has stopped working' });
  await heading.waitFor();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/pages-stopped.png` });
  assert.deepEqual(await violations(page), []);
  await page.getByText('Report', { exact: true }).click();
  assert.match(await page.locator('pre').innerText(), /Page: \/inbox\/overview[^]*Error/);
  await page.getByRole('button', { name: 'Copy the report' }).click();
  await page.getByText('Copied: report').waitFor();
  await page.getByRole('link', { name: 'Knowledge' }).click();
  await page.getByRole('heading', { name: 'Knowledge', level: 1 }).waitFor();
  await page.goBack();
  await heading.waitFor();
  await page.unroute('**/v2/statistics?*');
  await page.getByRole('button', { name: 'Load the page again' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await context.close();
});

test('inbox whose frame cannot be drawn is no blank page', async () => {
  const { context, page } = await newAgent(browser, parlor, 'Mara Lind');
  await page.route('**/v2/agents/me', (route) => route.fulfill({ json: { role: 'agent' } }));
  await page.goto(`${parlor.url}/inbox`);
  await page.getByRole('heading', { name: 'This page has stopped working' }).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.unroute('**/v2/agents/me');
  await page.getByRole('button', { name: 'Load the page again' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await context.close();
});

test('sessions of the account are listed, and another one can be ended', async () => {
  const { context, page, id } = await newAgent(browser, parlor, 'Mara Lind');
  const { signInLink } = await parlor.request('POST', `/agents/${id}/link`);
  const other = await fetch(`${parlor.target}/v2/agents/sign-in-link`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'Firefox/140.0 (X11; Linux)' },
    body: JSON.stringify({ token: signInLink.split('#link=')[1] }),
  });
  const cookie = other.headers.get('Set-Cookie').split(';')[0];
  const statusOfOther = async () =>
    (await fetch(`${parlor.target}/v2/agents/me`, { headers: { Cookie: cookie } })).status;
  assert.equal(await statusOfOther(), 200);
  await openPage(page, 'account');
  const rows = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  assert.equal(await rows.count(), 2);
  await rows.getByText('This one').waitFor();
  await rows.filter({ hasText: 'Firefox' }).getByRole('button', { name: 'Sign out' }).click();
  await rows.filter({ hasText: 'Firefox' }).waitFor({ state: 'detached' });
  assert.equal(await statusOfOther(), 401);
  await context.close();
});
