// The list with as many conversations as the server is built for.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ListPage } from './list-page.js';

const IS_LONG = Boolean(process.env.PARLOR_LONG_TESTS);
/** The short list is longer than the scroll area, too. */
const CONVERSATIONS = IS_LONG ? 1_000_000 : 130_000;
/** Limits of a release build, in milliseconds. */
const MAX_OPEN_MS = 1_000;
const MAX_JUMP_MS = 200;

let browser, parlor, agent, list;
before(async () => {
  [browser, parlor] = await Promise.all([
    launch(),
    startParlor({ conversations: CONVERSATIONS }),
  ]);
  agent = await newAgent(browser, parlor, 'Mara Lind', { role: 'owner' });
  list = new ListPage(agent.page, parlor.url);
  await list.open('?view=all');
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

const offset = async (index) => {
  const { data } = await parlor.request('GET', `/conversations?limit=1&offset=${index}`);
  return data[0].id;
};

/** Fails if the median of the times is above the limit, in the long form. */
function check(t, what, times, limit) {
  const sorted = [...times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  t.diagnostic(`${what}: median ${Math.round(median)} ms of ${times.map(Math.round).join(', ')}`);
  if (IS_LONG) assert.ok(median <= limit, `${what} takes ${median} ms`);
}

test('list is usable soon', async (t) => {
  const times = [];
  for (let i = 0; i < 5; i += 1) {
    await list.open('?view=all');
    times.push(await agent.page.evaluate(() => performance.now()));
  }
  check(t, 'opening', times, MAX_OPEN_MS);
  assert.equal(await list.total(), CONVERSATIONS);
});

test('jumps show the conversations of the position', async (t) => {
  const times = [];
  for (const share of [0.5, 0.25, 0.75, 0.1, 0.999]) {
    const index = Math.floor(CONVERSATIONS * share);
    const id = await offset(index);
    const { page } = agent;
    await list.position.click();
    await page.getByLabel('Go to position').fill(String(index + 1));
    const time = await page.evaluate(async (index) => {
      const start = performance.now();
      document.querySelector('[role=dialog] form').requestSubmit();
      while (!document.querySelector(`[data-index="${index}"]`)) {
        await new Promise(requestAnimationFrame);
      }
      return performance.now() - start;
    }, index);
    times.push(time);
    await list.waitForIdAt(index, id);
  }
  check(t, 'jump', times, MAX_JUMP_MS);
});

test('scroll bar reaches both ends and the middle', async () => {
  const area = list.rows.first().locator('xpath=ancestor::ul/..');
  const scrollTo = (share) =>
    area.evaluate((area, share) => {
      area.scrollTop = (area.scrollHeight - area.clientHeight) * share;
    }, share);
  await scrollTo(1);
  await list.waitForIdAt(CONVERSATIONS - 1, await offset(CONVERSATIONS - 1));
  await scrollTo(0);
  await list.waitForIdAt(0, await offset(0));
  await scrollTo(0.5);
  const middle = CONVERSATIONS / 2;
  await list.waitForIdAt(middle, await offset(middle));
});

test('wheel moves a long list by single rows', async () => {
  const index = CONVERSATIONS / 2;
  await list.goTo(index + 1);
  await list.row(index).hover();
  await agent.page.mouse.wheel(0, 160);
  await list.row(index).waitFor({ state: 'detached' });
  await list.waitForIdAt(index + 2, await offset(index + 2));
  await agent.page.waitForURL(new RegExp(`position=${index + 3}`));
});
