import { api, unwrap } from '../app/api';
import { type Filters, listParameters } from './filters';
import type { LoadedPage } from './pages';

/** Reads rows of the list from the server. */
export async function loadPage(
  filters: Filters,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<LoadedPage> {
  const query = { ...listParameters(filters), offset, limit };
  const result = await api.GET('/conversations', { params: { query }, signal });
  const { total, data } = unwrap(result);
  const isIncomplete = result.response.headers.has('x-incomplete-results');
  return { total, rows: data, isIncomplete };
}
