// Parses the Markdown of messages. `render.ts` makes nodes of the tokens; no text is ever
// parsed as HTML.

import { Lexer, type TokensList } from 'marked';
import { type Source, sourcesOf, withoutUnfinishedSource } from './citations';

export interface ParsedMarkdown {
  tokens: TokensList;
  sources: Source[];
}

export function parseMarkdown(text: string, isStreaming: boolean): ParsedMarkdown {
  const shown = isStreaming ? withoutUnfinishedSource(text) : text;
  const tokens = Lexer.lex(shown, { gfm: true, breaks: true });
  return { tokens, sources: sourcesOf(tokens.links as never) };
}

/** The text of a message without the marks of Markdown and the lines of sources. */
export function readableText(markdown: string): string {
  const { tokens } = parseMarkdown(markdown, false);
  return tokens
    .filter(({ type }) => type !== 'def' && type !== 'space')
    .map((token) => ('text' in token ? String(token.text) : token.raw))
    .join(' ')
    .replace(/[*_`#|]|\[\d+\]/g, '');
}
