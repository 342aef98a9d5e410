// axe-core in the states of list, sign-in and set-up, and screenshots for review.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { desktop, launch, newVisitor, phone } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';
import { ListPage, visitorWrites } from './list-page.js';

const SCREENSHOTS = process.env.PARLOR_SCREENSHOTS;

let browser, parlor, axe;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor({ conversations: 300 })]);
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  if (SCREENSHOTS) await mkdir(SCREENSHOTS, { recursive: true });
  await visitorWrites(parlor, 'My parcel is damaged. I want to talk to a person.');
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

/** Stops or delays the requests of the list. */
const LIST_REQUEST = /\/v2\/conversations\?orderBy/;

const screens = { 1280: desktop, 360: phone };
for (const colorScheme of ['light', 'dark']) {
  for (const [width, viewport] of Object.entries(screens)) {
    const reviewer = (page) => async (name) => {
      const file = `${SCREENSHOTS}/inbox-${name}-${width}-${colorScheme}.png`;
      if (SCREENSHOTS) await page.screenshot({ path: file });
      assert.deepEqual(await violations(page), [], name);
    };

    test(`list, ${width} px, ${colorScheme}`, async () => {
      const options = { viewport, colorScheme, role: 'owner' };
      const { context, page } = await newAgent(browser, parlor, 'Mara Lind', options);
      const list = new ListPage(page, parlor.url);
      const review = reviewer(page);
      await list.open('?view=all');
      await list.row(0).getByText('Waiting').waitFor();
      await review('list');
      await page.getByRole('button', { name: /^Order:/ }).click();
      await page.getByRole('menu').first().waitFor();
      await review('order');
      await page.keyboard.press('Escape');
      await list.position.click();
      await page.getByLabel('Go to position').waitFor();
      await review('position');
      await page.keyboard.press('Escape');
      await page.locator('body').press('?');
      await page.getByRole('dialog').waitFor();
      await review('help');
      await page.keyboard.press('Escape');
      await list.search.fill('zzzqqq');
      await page.getByText('Nothing found').waitFor();
      await review('nothing-found');
      await page.route(LIST_REQUEST, (route) => route.abort());
      await page.goto(`${parlor.url}/inbox?view=all`);
      await page.getByText('This could not be loaded').waitFor();
      await review('error');
      await page.unroute(LIST_REQUEST);
      // The requests are never answered.
      await page.route(LIST_REQUEST, () => {});
      await page.goto(`${parlor.url}/inbox?view=all`);
      await page.locator('[aria-busy=true]').waitFor();
      await review('loading');
      await context.close();
    });

    test(`sign-in, ${width} px, ${colorScheme}`, async () => {
      const { context } = await newVisitor(browser, { viewport, colorScheme });
      const page = await context.newPage();
      const review = reviewer(page);
      await page.goto(`${parlor.url}/inbox`);
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await review('sign-in');
      await page.goto(`${parlor.url}/inbox#link=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
      await page.reload();
      await page.getByRole('button', { name: 'Open the inbox' }).waitFor();
      await review('link');
      await page.getByRole('button', { name: 'Open the inbox' }).click();
      await page.getByText('This link was used or is too old').waitFor();
      await review('used-link');
      await page.goto(`${parlor.url}/setup`);
      await page.getByText('This page needs the link').waitFor();
      await review('setup-without-link');
      await context.close();
    });
  }
}
