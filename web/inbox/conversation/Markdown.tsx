// The Markdown of messages as React nodes. No text is ever parsed as HTML.

import { createElement, type ReactElement, useMemo } from 'react';
import { parseMarkdown } from '../../shared/markdown/parse';
import { MarkdownRenderer } from '../../shared/markdown/render';
import styles from './Markdown.module.css';

const CLASSES: Record<string, string | undefined> = styles;

const renderer = new MarkdownRenderer<ReactElement>(
  (name, { class: className, ...attributes }, children) =>
    createElement(name, { ...attributes, className: className && CLASSES[className] }, ...children),
);

export function Markdown({ text, isStreaming = false }: { text: string; isStreaming?: boolean }) {
  const parsed = useMemo(() => parseMarkdown(text, isStreaming), [text, isStreaming]);
  return createElement('div', null, ...renderer.message(parsed, 'Sources'));
}

/** A text of a visitor: no Markdown, but links. */
export function PlainText({ text }: { text: string }) {
  return renderer.plainText(text);
}
