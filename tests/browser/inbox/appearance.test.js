// The page of the chat's appearance, with its preview.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../widget/browser.js';
import { startParlor } from '../widget/parlor.js';
import { newAgent } from './agent.js';

let browser, parlor;
before(async () => {
  [browser, parlor] = await Promise.all([launch(), startParlor()]);
});
after(async () => {
  await browser?.close();
  await parlor?.stop();
});

for (const width of [360, 1280]) {
  test(`preview at ${width} px shows the whole chat and leaves the focus in the form`, async () => {
    const options = { role: 'owner', viewport: { width, height: 740 } };
    const { context, page } = await newAgent(browser, parlor, 'Mara Lind', options);
    await page.goto(`${parlor.url}/inbox/appearance`);
    const field = page.getByLabel('Welcome message');
    await field.fill('Hello from the preview');
    const panel = page.locator('parlor-chat .panel[data-open=true]');
    await panel.getByText('Hello from the preview').waitFor();
    assert.equal(await field.evaluate((element) => element === document.activeElement), true);
    const stage = await page.locator('parlor-chat').locator('..').boundingBox();
    const box = await panel.boundingBox();
    assert.ok(box.x >= stage.x && box.x + box.width <= stage.x + stage.width);
    assert.ok(box.y >= stage.y && box.y + box.height <= stage.y + stage.height);
    await context.close();
  });
}
