// The Markdown of messages as Preact nodes.

import { h, type VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { parseMarkdown } from '../../../shared/markdown/parse';
import { MarkdownRenderer } from '../../../shared/markdown/render';

const renderer = new MarkdownRenderer<VNode>((name, attributes, children) =>
  h(name, attributes, ...children),
);

export function Markdown(props: { text: string; isStreaming: boolean; sourcesLabel: string }) {
  const { text, isStreaming, sourcesLabel } = props;
  const parsed = useMemo(() => parseMarkdown(text, isStreaming), [text, isStreaming]);
  return <>{renderer.message(parsed, sourcesLabel)}</>;
}

/** A message of the visitor: no Markdown, but links. */
export function PlainText({ text }: { text: string }) {
  return renderer.plainText(text);
}
