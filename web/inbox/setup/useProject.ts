import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../app/api';
import { keys } from '../app/queries';

/** The project of the account. */
export function useProject() {
  return useQuery({
    queryKey: keys.project,
    queryFn: async () => unwrap(await api.GET('/projects/current')),
  });
}
