/** The tag that puts the chat on a web page. */
export function scriptTag(publishableKey: string): string {
  const url = new URL('/widget.js', location.href).href;
  return `<script src="${url}" data-key="${publishableKey}" async></script>`;
}
