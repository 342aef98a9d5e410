// The list of conversations of the inbox.

export class ListPage {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    this.rows = page.locator('[aria-label=Conversations] a');
    this.search = page.getByRole('searchbox', { name: 'Search conversations' });
    this.position = page.getByRole('button', { name: /Go to a position/ });
    this.newRows = page.getByRole('button', { name: /^\d+ new$/ });
  }

  /** `query` is the query of the address. */
  async open(query = '') {
    await this.page.goto(`${this.url}/inbox${query}`);
    await this.rows.first().waitFor();
  }

  /** The row at a position of the whole list, beginning with 0. */
  row(index) {
    return this.page.locator(`[data-index="${index}"]`);
  }

  /** The id of the conversation at a position. */
  async idAt(index) {
    const href = await this.row(index).getAttribute('href');
    return /conversations\/([^?]+)/.exec(href)[1];
  }

  /** Waits until the conversation is at the position. */
  waitForIdAt(index, id) {
    return this.page.locator(`[data-index="${index}"][href*="${id}"]`).waitFor();
  }

  view(name) {
    const views = this.page.getByRole('navigation', { name: 'Parts of the inbox' });
    return views.getByRole('link', { name });
  }

  /** The number of conversations in the list. */
  async total() {
    const text = await this.position.textContent();
    return Number(/of ([\d,]+)/.exec(text)[1].replaceAll(',', ''));
  }

  async waitForTotal(total) {
    const text = `of ${total.toLocaleString('en')}`;
    await this.position.filter({ hasText: new RegExp(`${text}$`) }).waitFor();
  }

  async goTo(position) {
    await this.position.click();
    await this.page.getByLabel('Go to position').fill(String(position));
    await this.page.getByRole('button', { name: 'Go', exact: true }).click();
  }

  async sortBy(name, direction) {
    const menu = this.page.getByRole('button', { name: /^Order:/ });
    for (const item of [name, direction]) {
      await menu.click();
      await this.page.getByRole('menuitemradio', { name: item, exact: true }).click();
      await this.page.keyboard.press('Escape');
      await this.page.getByRole('menu').waitFor({ state: 'detached' });
    }
  }
}

/** Begins a conversation of a new visitor, with one message. */
export async function visitorWrites(parlor, content) {
  const visitor = await newVisitorSession(parlor);
  return visitor.begin(content);
}

/** The requests of a new visitor. */
export async function newVisitorSession(parlor) {
  const post = async (path, body, token) => {
    const response = await fetch(`${parlor.target}/v2${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const device = { apiKey: 'pk_demo', saVid: crypto.randomUUID() };
  const { sessionToken } = await post('/identity/init', device);
  const write = (id, content) => post(`/conversations/${id}/messages`, { content }, sessionToken);
  return {
    sessionToken,
    write,
    /** Begins a conversation with a message, and returns its id. */
    async begin(content) {
      const { id } = await post('/conversations', {}, sessionToken);
      await write(id, content);
      return id;
    },
  };
}
