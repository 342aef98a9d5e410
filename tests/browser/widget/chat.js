// What a visitor sees and does. Selectors reach into the shadow root.

export class ChatPage {
  constructor(page) {
    this.page = page;
    this.bubble = page.locator('parlor-chat .bubble');
    this.panel = page.locator('parlor-chat .panel');
    this.input = this.panel.locator('textarea');
    this.messages = this.panel.locator('.log .message');
    this.answers = this.panel.locator('.message.assistant:not([data-state="waiting"]) .body');
    this.questions = this.panel.locator('.message.user .body');
  }

  static async visit(context, url) {
    const page = await context.newPage();
    await page.goto(url);
    return new ChatPage(page);
  }

  /** Opens the chat, unless it was open before a reload. */
  async open() {
    await this.bubble.waitFor();
    const isOpen = await this.bubble.getAttribute('aria-expanded');
    if (isOpen !== 'true') await this.bubble.click();
    await this.panel.and(this.page.locator('[data-open="true"]')).waitFor();
    return this;
  }

  async send(text) {
    await this.input.fill(text);
    await this.input.press('Enter');
  }

  button(name) {
    return this.panel.getByRole('button', { name, exact: true });
  }

  /** The newest message, as soon as it contains `text`. */
  async waitForText(text) {
    await this.messages.last().filter({ hasText: text }).waitFor();
  }

  /** The texts of the visitor's messages. */
  async questionTexts() {
    return this.questions.allInnerTexts();
  }

  /** Waits until the last answer is complete. */
  async waitForEnd() {
    const complete = this.panel.locator('.message.assistant[data-state="complete"] .feedback');
    await complete.last().waitFor();
    await this.button('Send').waitFor();
  }
}
