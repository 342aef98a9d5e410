import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { ErrorState, LoadingState, Page } from '../ui';
import { AvailabilitySection } from './AvailabilitySection';
import { DeliveriesSection } from './DeliveriesSection';
import { EmailSection } from './EmailSection';
import { WebhookSection } from './WebhookSection';

export default function NotificationsPage() {
  const { data, error, refetch } = useQuery({
    queryKey: keys.notifications,
    queryFn: async () => unwrap(await api.GET('/notifications')),
  });
  return (
    <Page
      title="Notifications"
      description="How your team learns that a visitor waits for a person. The assistant promises only what is set up here."
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <LoadingState label="Loading the settings" />}
      {data && (
        <>
          <EmailSection settings={data} />
          <WebhookSection settings={data} />
          <AvailabilitySection />
          <DeliveriesSection settings={data} />
        </>
      )}
    </Page>
  );
}
