import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../app/api';
import { useEvents } from '../app/EventsProvider';
import { keys } from '../app/queries';

const KEY = [...keys.conversations, 'waiting-count'];

async function fetchCount(): Promise<number> {
  const query = { waiting: true, limit: 1 };
  return unwrap(await api.GET('/conversations', { params: { query } })).total;
}

/** How many conversations wait for a person. */
export function useWaitingCount(): number {
  const client = useQueryClient();
  const { data = 0 } = useQuery({ queryKey: KEY, queryFn: fetchCount });
  useEvents(['waiting', 'conversation_deleted'], () => {
    void client.invalidateQueries({ queryKey: KEY });
  });
  return data;
}
