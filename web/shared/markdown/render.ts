// Makes nodes of the tokens of the Markdown parser, for any library of components.

import type { Token, Tokens } from 'marked';
import type { Source } from './citations';
import { findLinks, safeUrl } from './links';
import type { ParsedMarkdown } from './parse';

/** Attributes of an element, named as in HTML. */
export interface Attributes {
  class?: string | undefined;
  href?: string;
  rel?: string;
  target?: string;
  title?: string | undefined;
  start?: number;
  tabIndex?: number;
  'aria-label'?: string;
}

/** Creates an element. Null and texts are nodes, too. */
export type CreateElement<Node> = (
  name: string,
  attributes: Attributes,
  children: (Node | string | null)[],
) => Node;

export class MarkdownRenderer<Node> {
  readonly #create: CreateElement<Node>;

  constructor(create: CreateElement<Node>) {
    this.#create = create;
  }

  /** The message, and the list of its sources. `sourcesLabel` is for screen readers. */
  message({ tokens, sources }: ParsedMarkdown, sourcesLabel: string): Node[] {
    const nodes = [this.#create('div', { class: 'markdown' }, this.#blocks(tokens))];
    if (sources.length > 0) nodes.push(this.#sources(sources, sourcesLabel));
    return nodes;
  }

  /** A text without Markdown, whose addresses become links. */
  plainText(text: string): Node {
    const nodes = findLinks(text).map(({ text, url }) =>
      url ? this.#anchor(url, {}, [text]) : text,
    );
    return this.#create('p', { class: 'plain' }, nodes);
  }

  #sources(sources: Source[], label: string): Node {
    const items = sources.map(({ number, url, label }) => {
      const parts = [
        this.#element('span', 'number', number),
        this.#element('span', 'label', label),
      ];
      return this.#create('li', {}, [this.#anchor(url, { title: label }, parts)]);
    });
    return this.#create('ul', { class: 'sources', 'aria-label': label }, items);
  }

  #element(name: string, className: string | undefined, content: string): Node {
    return this.#create(name, { class: className }, [content]);
  }

  #anchor(href: string, attributes: Attributes, children: (Node | string | null)[]): Node {
    const safety = { href, target: '_blank', rel: 'noopener noreferrer' };
    return this.#create('a', { ...safety, ...attributes }, children);
  }

  #blocks(tokens: Token[] | undefined): (Node | string | null)[] {
    return (tokens ?? []).flatMap((token) => this.#block(token));
  }

  #block(token: Token): Node | string | null | (Node | string | null)[] {
    switch (token.type) {
      case 'space':
      case 'def':
        return null;
      case 'heading':
        return this.#create('p', { class: 'heading' }, this.#inlines(token.tokens));
      case 'paragraph':
        return this.#create('p', {}, this.#inlines(token.tokens));
      case 'blockquote':
        return this.#create('blockquote', {}, this.#blocks(token.tokens));
      case 'code':
        return this.#create('pre', { tabIndex: 0 }, [this.#create('code', {}, [token.text])]);
      case 'hr':
        return this.#create('hr', {}, []);
      case 'list':
        return this.#list(token as Tokens.List);
      case 'table':
        return this.#table(token as Tokens.Table);
      case 'text':
        return 'tokens' in token && token.tokens ? this.#inlines(token.tokens) : plain(token);
      default:
        // HTML is shown as it was written.
        return this.#create('p', {}, [token.raw]);
    }
  }

  #list(token: Tokens.List): Node {
    const items = token.items.map((item) => this.#create('li', {}, this.#blocks(item.tokens)));
    if (!token.ordered) return this.#create('ul', {}, items);
    return this.#create('ol', { start: token.start === '' ? 1 : token.start }, items);
  }

  #table({ header, rows }: Tokens.Table): Node {
    const row = (name: string, cells: Tokens.TableCell[]) => {
      const nodes = cells.map((cell) => this.#create(name, {}, this.#inlines(cell.tokens)));
      return this.#create('tr', {}, nodes);
    };
    const head = this.#create('thead', {}, [row('th', header)]);
    const body = this.#create(
      'tbody',
      {},
      rows.map((cells) => row('td', cells)),
    );
    const table = this.#create('table', {}, [head, body]);
    return this.#create('div', { class: 'table', tabIndex: 0 }, [table]);
  }

  #inlines(tokens: Token[] | undefined): (Node | string | null)[] {
    return (tokens ?? []).flatMap((token) => this.#inline(token));
  }

  #inline(token: Token): Node | string | (Node | string | null)[] {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return this.#create(token.type, {}, this.#inlines(token.tokens));
      case 'codespan':
        return this.#create('code', {}, [token.text]);
      case 'br':
        return this.#create('br', {}, []);
      case 'checkbox':
        return token.checked ? '☑ ' : '☐ ';
      case 'link':
        return this.#link(token as Tokens.Link);
      case 'image':
        return this.#image(token as Tokens.Image);
      case 'text':
      case 'escape':
        return 'tokens' in token && token.tokens ? this.#inlines(token.tokens) : plain(token);
      default:
        return token.raw;
    }
  }

  #link(token: Tokens.Link): Node | (Node | string | null)[] {
    const url = safeUrl(token.href);
    const content = this.#inlines(token.tokens);
    if (!url) return content;
    const isCitation = /^\[\d+\]$/.test(token.raw);
    const title = token.title ?? undefined;
    return this.#anchor(url, { class: isCitation ? 'citation' : undefined, title }, content);
  }

  /** A picture of another website is a link: loading it would tell that website of the reader. */
  #image(token: Tokens.Image): Node | string {
    const url = safeUrl(token.href);
    const name = token.text || token.href;
    return url ? this.#anchor(url, {}, [name]) : name;
  }
}

function plain(token: Token): string {
  return decodeEntities('text' in token ? String(token.text) : token.raw);
}

const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
};

/** The characters that models write as entities. The result is text, never HTML. */
function decodeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|nbsp|#39);/g, (whole, name: string) =>
    name === '#39' ? "'" : (ENTITIES[name] ?? whole),
  );
}
