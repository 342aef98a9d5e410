// What an agent sees and does in a conversation.

export class ConversationPage {
  constructor(page) {
    this.page = page;
    this.view = page.locator('[data-conversation]');
    this.log = this.view.getByRole('log');
    this.rows = this.log.getByRole('article');
    this.heading = this.view.getByRole('heading', { level: 2 }).first();
    this.input = this.view.locator('textarea');
    this.state = this.view.locator('header p');
    this.dialog = page.getByRole('dialog').or(page.getByRole('alertdialog'));
  }

  /** Opens the conversation by its address. */
  static async open(page, parlor, id) {
    await page.goto(`${parlor.url}/inbox/conversations/${id}`);
    const conversation = new ConversationPage(page);
    await conversation.log.waitFor();
    return conversation;
  }

  button(name) {
    return this.view.getByRole('button', { name, exact: true });
  }

  /** The last row with the text. */
  row(text) {
    return this.rows.filter({ hasText: text }).last();
  }

  async reply(text) {
    await this.input.fill(text);
    await this.input.press('Control+Enter');
  }

  async note(text) {
    await this.button('Internal note').click();
    await this.input.fill(text);
    await this.button('Add note').click();
    await this.rows.and(this.page.locator('[data-role=note]')).filter({ hasText: text }).waitFor();
    await this.button('Reply').click();
  }

  async close(reason) {
    await this.button('Close').click();
    await this.dialog.getByRole('textbox').fill(reason);
    await this.dialog.getByRole('button', { name: 'Close the conversation' }).click();
    await this.dialog.waitFor({ state: 'detached' });
  }
}
