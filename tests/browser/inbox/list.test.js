// The list of conversations: search, order, position, bookmarks, keys, live events.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ListPage, visitorWrites } from './list-page.js';

/** Errors of the network, and of a page that is not served over HTTPS. */
const NETWORK = /Failed to load resource|Cross-Origin-Opener-Policy/;

let browser, parlor;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor({ conversations: 300 })]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

/** A list in a window of its own. */
async function openList(query, options) {
  const agent = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner', ...options });
  const list = new ListPage(agent.page, parlor.url);
  await list.open(query);
  return { ...agent, list };
}

/** The conversations that the API returns for a query. */
const conversations = (query) => parlor.request('GET', `/conversations?${query}`);

test('views have the conversations and counts of the API', async () => {
  const { context, list, page } = await openList();
  for (const [name, query] of [
    ['Open', 'status=open'], ['Closed', 'status=closed'], ['Waiting', 'waiting=true'], ['All', ''],
  ]) {
    await list.view(name).click();
    const { total, data } = await conversations(query);
    await list.waitForTotal(total);
    await list.waitForIdAt(0, data[0].id);
  }
  assert.match(page.url(), /\?view=all$/);
  await context.close();
});

test('search finds conversations, and its address can be opened again', async () => {
  const { context, list, page } = await openList('?view=all');
  await list.search.fill('refund');
  const { total, data } = await conversations('q=refund');
  assert.ok(total > 0 && total < 300);
  await list.waitForTotal(total);
  assert.equal(await list.idAt(0), data[0].id);
  assert.match(page.url(), /view=all&q=refund/);
  await page.reload();
  await list.waitForTotal(total);
  assert.equal(await list.search.inputValue(), 'refund');
  await list.search.fill('zzzqqq');
  await page.getByText('Nothing found').waitFor();
  await list.search.press('Escape');
  await list.waitForTotal((await conversations('')).total);
  await context.close();
});

test('each order is the one of the API', async () => {
  const { context, list, page } = await openList('?view=all');
  for (const [name, orderBy, orderDir, direction] of [
    ['Title', 'title', 'asc', 'A to Z'],
    ['Start', 'createdAt', 'asc', 'Oldest first'],
    ['Last change', 'updatedAt', 'desc', 'Newest first'],
    ['Closing', 'closedAt', 'desc', 'Newest first'],
    ['Status', 'status', 'asc', 'Closed first'],
    ['Handled by', 'isHumanHandled', 'desc', 'Agents first'],
    ['Id', 'id', 'asc', 'Ascending'],
    ['Last message', 'lastInteractionAt', 'asc', 'Oldest first'],
  ]) {
    await list.sortBy(name, direction);
    const { data } = await conversations(`orderBy=${orderBy}&orderDir=${orderDir}&limit=2`);
    await list.waitForIdAt(0, data[0].id);
    await list.waitForIdAt(1, data[1].id);
  }
  assert.match(page.url(), /direction=asc/);
  await context.close();
});

test('list jumps to a position and keeps it in the address', async () => {
  const { context, list, page } = await openList('?view=all');
  await list.goTo(201);
  const { data } = await conversations('limit=2&offset=200');
  await list.waitForIdAt(200, data[0].id);
  await page.waitForURL(/position=201/);
  await page.reload();
  await list.waitForIdAt(200, data[0].id);
  await list.position.click();
  await page.getByRole('button', { name: 'Last', exact: true }).click();
  const end = await conversations('limit=1&offset=299');
  await list.waitForIdAt(299, end.data[0].id);
  assert.equal(await list.row(299).locator('..').getAttribute('aria-posinset'), '300');
  await context.close();
});

test('browser goes back to the filters before', async () => {
  const { context, list, page } = await openList();
  const open = await list.total();
  await list.view('Closed').click();
  await list.waitForTotal((await conversations('status=closed')).total);
  await page.goBack();
  await list.waitForTotal(open);
  await context.close();
});

test('keys move, open, search and help', async () => {
  const { context, list, page, problems } = await openList('?view=all');
  const [, second, third] = [await list.idAt(0), await list.idAt(1), await list.idAt(2)];
  await page.locator('body').press('j');
  await page.locator('body').press('j');
  await page.locator('body').press('Enter');
  await page.waitForURL(new RegExp(second));
  await page.locator(`[aria-current=page][href*="${second}"]`).waitFor();
  await page.locator('body').press('j');
  await page.waitForURL(new RegExp(third));
  await page.locator('body').press('k');
  await page.waitForURL(new RegExp(second));
  await page.locator('body').press('/');
  assert.ok(await list.search.evaluate((field) => field === document.activeElement));
  await list.search.press('j');
  assert.equal(await list.search.inputValue(), 'j');
  await list.search.blur();
  await page.locator('body').press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.deepEqual(problems.filter((text) => !NETWORK.test(text)), []);
  await context.close();
});

test('Enter opens the row that the keys chose, although a view was clicked', async () => {
  const { context, list, page } = await openList();
  await list.view('All').click();
  await page.waitForURL(/view=all/);
  const first = await list.idAt(0);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(`/conversations/${first}`));
  await context.close();
});

test('new conversation does not move the row under the pointer', async () => {
  const { context, list } = await openList();
  const first = await list.idAt(0);
  await list.row(0).hover();
  const id = await visitorWrites(parlor, 'Do you have gift cards?');
  await list.newRows.filter({ hasText: '1 new' }).waitFor();
  assert.equal(await list.idAt(0), first);
  await list.newRows.click();
  await list.waitForIdAt(0, id);
  await list.waitForIdAt(1, first);
  await list.newRows.waitFor({ state: 'detached' });
  await context.close();
});

test('list that nobody points at follows new conversations', async () => {
  const { context, list, page } = await openList();
  await page.mouse.move(900, 400);
  const id = await visitorWrites(parlor, 'Where is my parcel?');
  await list.waitForIdAt(0, id);
  await list.row(0).getByText('Where is my parcel?').first().waitFor();
  await context.close();
});

test('conversation that waits is shown in row, navigation, view and tab', async () => {
  const { context, list, page } = await openList();
  const count = (await conversations('waiting=true')).total + 1;
  const id = await visitorWrites(parlor, 'I want to talk to a person');
  await list.view('Waiting').click();
  await list.waitForIdAt(0, id);
  await list.row(0).getByText('Waiting').waitFor();
  await page.getByTitle(`${count} waiting for a person`).waitFor();
  const hasCount = (count) => document.title.startsWith(count ? `(${count}) ` : 'Inbox');
  await page.waitForFunction(hasCount, count);
  await parlor.request('PUT', `/conversations/${id}/agent`, { name: 'Mara' });
  await page.waitForFunction(hasCount, count - 1);
  await context.close();
});

test('banner shows that the server is away, and leaves when it is back', async () => {
  const { context, list, page } = await openList();
  await parlor.kill();
  await page.getByText('No connection.').waitFor();
  await parlor.restart();
  await page.getByText('No connection.').waitFor({ state: 'detached' });
  const id = await visitorWrites(parlor, 'Are you open on Sundays?');
  await page.mouse.move(900, 400);
  await list.waitForIdAt(0, id);
  await context.close();
});

test('list and conversation are beside each other, or one at a time', async () => {
  const { context, list, page } = await openList('', { viewport: { width: 1280, height: 800 } });
  await list.row(1).click();
  await page.getByRole('button', { name: 'Take over' }).waitFor();
  assert.ok(await list.row(1).isVisible());
  await page.setViewportSize({ width: 800, height: 700 });
  await list.row(1).waitFor({ state: 'hidden' });
  await page.locator('body').press('Escape');
  await list.row(1).waitFor();
  await context.close();
});
