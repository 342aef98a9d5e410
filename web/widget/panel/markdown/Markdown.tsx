// Shows the Markdown of an answer. Tokens of the parser become nodes; no text is ever
// parsed as HTML.

import { Lexer, type Token, type Tokens, type TokensList } from 'marked';
import type { ComponentChild } from 'preact';
import { useMemo } from 'preact/hooks';
import { type Source, sourcesOf, withoutUnfinishedSource } from './citations';
import { safeUrl } from './links';

interface Parsed {
  tokens: TokensList;
  sources: Source[];
}

export function parseMarkdown(text: string, isStreaming: boolean): Parsed {
  const shown = isStreaming ? withoutUnfinishedSource(text) : text;
  const tokens = Lexer.lex(shown, { gfm: true, breaks: true });
  return { tokens, sources: sourcesOf(tokens.links as never) };
}

export function Markdown(props: { text: string; isStreaming: boolean; sourcesLabel: string }) {
  const { text, isStreaming, sourcesLabel } = props;
  const { tokens, sources } = useMemo(() => parseMarkdown(text, isStreaming), [text, isStreaming]);
  return (
    <>
      <div class="markdown">{tokens.map(block)}</div>
      {sources.length > 0 && <Sources sources={sources} label={sourcesLabel} />}
    </>
  );
}

function Sources({ sources, label }: { sources: Source[]; label: string }) {
  return (
    <ul class="sources" aria-label={label}>
      {sources.map(({ number, url, label }) => (
        <li key={number}>
          <a href={url} target="_blank" rel="noopener noreferrer" title={label}>
            <span class="number">{number}</span>
            <span class="label">{label}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function block(token: Token): ComponentChild {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading':
      return <p class="heading">{inlineAll(token.tokens)}</p>;
    case 'paragraph':
      return <p>{inlineAll(token.tokens)}</p>;
    case 'blockquote':
      return <blockquote>{token.tokens?.map(block)}</blockquote>;
    case 'code':
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case 'hr':
      return <hr />;
    case 'list':
      return list(token as Tokens.List);
    case 'table':
      return table(token as Tokens.Table);
    case 'text':
      return 'tokens' in token && token.tokens ? inlineAll(token.tokens) : plain(token);
    default:
      // HTML is shown as it was written.
      return <p>{token.raw}</p>;
  }
}

function list(token: Tokens.List): ComponentChild {
  const items = token.items.map((item) => <li>{item.tokens.map(block)}</li>);
  if (!token.ordered) return <ul>{items}</ul>;
  return <ol start={token.start === '' ? 1 : token.start}>{items}</ol>;
}

function table({ header, rows }: Tokens.Table): ComponentChild {
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th>{inlineAll(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td>{inlineAll(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlineAll(tokens: Token[] | undefined): ComponentChild[] {
  return (tokens ?? []).map(inline);
}

function inline(token: Token): ComponentChild {
  switch (token.type) {
    case 'strong':
      return <strong>{inlineAll(token.tokens)}</strong>;
    case 'em':
      return <em>{inlineAll(token.tokens)}</em>;
    case 'del':
      return <del>{inlineAll(token.tokens)}</del>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'checkbox':
      return token.checked ? '☑ ' : '☐ ';
    case 'link':
      return link(token as Tokens.Link);
    case 'image':
      return image(token as Tokens.Image);
    case 'text':
    case 'escape':
      return 'tokens' in token && token.tokens ? inlineAll(token.tokens) : plain(token);
    default:
      return token.raw;
  }
}

function link(token: Tokens.Link): ComponentChild {
  const url = safeUrl(token.href);
  const content = inlineAll(token.tokens);
  if (!url) return content;
  const number = /^\[(\d+)\]$/.exec(token.raw)?.[1];
  return (
    <a
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      class={number && 'citation'}
      title={token.title ?? undefined}
    >
      {content}
    </a>
  );
}

/** A picture of another website is a link: loading it would tell that website of the visitor. */
function image(token: Tokens.Image): ComponentChild {
  const url = safeUrl(token.href);
  const name = token.text || token.href;
  if (!url) return name;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {name}
    </a>
  );
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
