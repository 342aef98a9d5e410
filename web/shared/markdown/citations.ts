// The sources of an answer: lines `[1]: <url> "label"` at its end
// (docs/api-contract.md, section 5.3).

import { safeUrl } from './links';

export interface Source {
  number: string;
  url: string;
  label: string;
}

/** A last line that is, or becomes, the line of a source. */
const UNFINISHED_LINE = /(^|\n)\[\d*(\](:[^\n]*)?)?$/;

/** The text without a line of a source that has not arrived completely. */
export function withoutUnfinishedSource(text: string): string {
  return text.replace(UNFINISHED_LINE, '');
}

/** The sources that have a label, in the order of their numbers. */
export function sourcesOf(
  definitions: Record<string, { href: string | null; title: string | null | undefined }>,
): Source[] {
  const sources: Source[] = [];
  for (const [number, { href, title }] of Object.entries(definitions)) {
    const url = href && safeUrl(href);
    if (/^\d+$/.test(number) && url && title) sources.push({ number, url, label: title });
  }
  return sources.sort((a, b) => Number(a.number) - Number(b.number));
}
