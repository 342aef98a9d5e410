/** Schemes that a link of a message may have. */
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** The address of a link, or null if it may not be a link. */
export function safeUrl(href: string): string | null {
  try {
    // Without a base: relative addresses would lead to the page around the chat.
    const url = new URL(href);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A text and the addresses in it. */
export type Segment = { text: string; url: string | null };

const ADDRESS = /https?:\/\/[^\s<>"']*[^\s<>"'.,:;!?)\]}]/g;

/** Finds the addresses in a text of a visitor. */
export function findLinks(text: string): Segment[] {
  const segments: Segment[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    if (match.index > end) segments.push({ text: text.slice(end, match.index), url: null });
    segments.push({ text: match[0], url: safeUrl(match[0]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) segments.push({ text: text.slice(end), url: null });
  return segments;
}
