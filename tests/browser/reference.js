// Steps in the API reference, which is Swagger UI.

/** The block of the operation with `method` and `path`. */
export async function openOperation(page, method, path) {
  const summary = `.opblock-${method} .opblock-summary:has([data-path="${path}"])`;
  await page.locator(`${summary} .opblock-summary-control`).click();
  const block = await page.waitForSelector(`.opblock-${method}.is-open:has([data-path="${path}"])`);
  await block.waitForSelector('.execute');
  return block;
}

/** Enters a credential in the dialog: `scheme` is the name of a security scheme. */
export async function authorize(page, scheme, credential) {
  await page.locator('.auth-wrapper > .btn.authorize').click();
  const dialog = await page.waitForSelector('.modal-ux');
  const form = await dialog.waitForSelector(`xpath/.//form[.//code[text()='${scheme}']]`);
  const input = await form.waitForSelector('input');
  await insert(input, credential);
  await input.press('Enter');
  await form.waitForSelector('::-p-text(Logout)');
  await (await form.waitForSelector('.btn-done')).click();
  await page.waitForSelector('.modal-ux', { hidden: true });
}

/** Replaces the text of a field at once. The page renders again after every key. */
async function insert(field, text) {
  await field.evaluate((element) => {
    element.focus();
    element.select();
  });
  await field.frame.page().keyboard.sendCharacter(text);
}

/** Fills the field of a parameter. */
export async function setParameter(block, name, value) {
  const field = await block.waitForSelector(`[data-param-name="${name}"] input`);
  await insert(field, value);
}

/** Replaces the example body of a request. */
export async function setBody(block, body) {
  const field = await block.waitForSelector('textarea.body-param__text');
  await insert(field, JSON.stringify(body));
}

/** Sends the request and returns the response that the page shows. */
export async function execute(block) {
  const button = await block.waitForSelector('.execute');
  await button.click();
  const live = await block.waitForSelector('.live-responses-table .response');
  const text = (selector) => live.$eval(selector, (element) => element.textContent);
  await live.waitForSelector('.highlight-code');
  return {
    status: Number.parseInt(await text('.response-col_status'), 10),
    body: JSON.parse(await text('.highlight-code code')),
  };
}
