import { useQueryClient } from '@tanstack/react-query';
import { api, type NotificationSettings, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { type Submit, useSubmit } from '../app/useSubmit';
import { toast } from '../ui';

export interface NotificationChange {
  webhookUrl?: string | null;
  emails?: string[];
}

/** Saves a part of the settings. */
export function useNotificationChange(field: string): Submit<NotificationChange> {
  const client = useQueryClient();
  return useSubmit(
    [field],
    async (body: NotificationChange) => unwrap(await api.PATCH('/notifications', { body })),
    (settings: NotificationSettings) => {
      client.setQueryData(keys.notifications, settings);
      toast.success('Saved');
    },
  );
}

/** Sends a notification, to try the settings. */
export function useNotificationTest(kind: 'webhook' | 'email'): Submit<void> {
  const client = useQueryClient();
  return useSubmit(
    [],
    async () => unwrap(await api.POST('/notifications/test', { body: { kind } })),
    ({ isDelivered, error }) => {
      void client.invalidateQueries({ queryKey: keys.notifications });
      if (isDelivered) toast.success('The test arrived');
      else toast.error(error ?? 'The test did not arrive.');
    },
  );
}
