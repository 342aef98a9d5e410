import { expect, test } from 'vitest';
import { withoutUnfinishedSource } from './citations';
import { findLinks, safeUrl } from './links';
import { parseMarkdown, readableText } from './parse';
import { MarkdownRenderer } from './render';

test('only web and mail addresses are links', () => {
  expect(safeUrl('https://shop.example/a')).toBe('https://shop.example/a');
  expect(safeUrl('mailto:help@shop.example')).toBe('mailto:help@shop.example');
  for (const href of [
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    '/relative',
    '//shop.example',
    '',
    'blob:https://a/b',
  ]) {
    expect(safeUrl(href), href).toBeNull();
  }
});

test('addresses in the text of a visitor end before punctuation', () => {
  expect(findLinks('See https://shop.example/a, or (https://shop.example/b).')).toEqual([
    { text: 'See ', url: null },
    { text: 'https://shop.example/a', url: 'https://shop.example/a' },
    { text: ', or (', url: null },
    { text: 'https://shop.example/b', url: 'https://shop.example/b' },
    { text: ').', url: null },
  ]);
});

test('sources are the numbered definitions with a label', () => {
  const text =
    'Wash cold [2].\n\n[2]: <https://shop.example/wool> "Wool"\n[1]: https://shop.example/a "A"\n[3]: https://shop.example/b';
  expect(parseMarkdown(text, false).sources).toEqual([
    { number: '1', url: 'https://shop.example/a', label: 'A' },
    { number: '2', url: 'https://shop.example/wool', label: 'Wool' },
  ]);
});

test('source that arrives is not shown before it is complete', () => {
  const complete = 'Wash cold [1].\n\n[1]: <https://shop.example/wool> "Wool"';
  const start = complete.indexOf('\n[1]');
  for (let end = start + 2; end < complete.length; end += 1) {
    expect(withoutUnfinishedSource(complete.slice(0, end)).trim()).toBe('Wash cold [1].');
  }
  expect(withoutUnfinishedSource('Wash cold [1].')).toBe('Wash cold [1].');
});

test('no token becomes anything but known elements and text', () => {
  type Element = { name: string; attributes: object; children: unknown[] };
  const renderer = new MarkdownRenderer<Element>((name, attributes, children) => ({
    name,
    attributes,
    children,
  }));
  const text =
    '**bold** <img src=x onerror=alert(1)> [link](javascript:alert(1)) [a](https://a.example)';
  const [message] = renderer.message(parseMarkdown(text, false), 'Sources') as [Element];
  const [paragraph] = message.children as [Element];
  expect(paragraph.children).toEqual([
    { name: 'strong', attributes: {}, children: ['bold'] },
    ' ',
    '<img src=x onerror=alert(1)>',
    ' ',
    'link',
    ' ',
    {
      name: 'a',
      attributes: {
        href: 'https://a.example/',
        target: '_blank',
        rel: 'noopener noreferrer',
        class: undefined,
        title: undefined,
      },
      children: ['a'],
    },
  ]);
});

test('readable text has no marks and no sources', () => {
  const text = '# Wool\n\nWash **cold** [1].\n\n[1]: <https://shop.example/wool> "Wool"';
  expect(readableText(text)).toBe('Wool Wash cold .');
});
