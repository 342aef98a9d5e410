/** The page on which the visitor writes, as the API takes it. */
export function pageContext() {
  const selection = window.getSelection()?.toString().trim();
  return {
    url: location.href,
    title: document.title || null,
    textSelection: selection ? selection.slice(0, 2_000) : null,
  };
}
