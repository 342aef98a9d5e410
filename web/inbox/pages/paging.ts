// Lists that are read page by page.

export const PAGE_SIZE = 20;

interface ListPage {
  data: unknown[];
  total: number;
}

/** The offset of the page after the ones that are loaded; undefined: there is none. */
export function nextOffset<Page extends ListPage>(last: Page, pages: Page[]): number | undefined {
  const loaded = pages.reduce((sum, page) => sum + page.data.length, 0);
  return last.data.length > 0 && loaded < last.total ? loaded : undefined;
}
