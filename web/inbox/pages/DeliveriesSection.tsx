import type { NotificationSettings } from '../app/api';
import { Badge, EmptyState, Notice, Section, Time } from '../ui';
import { Row, Rows } from './Rows';

type Delivery = NotificationSettings['recent'][number];

const KINDS: Record<Delivery['kind'], string> = {
  webhook: 'Webhook',
  email: 'E-mail',
  reply_email: 'Reply to a visitor',
};

export function DeliveriesSection({ settings }: { settings: NotificationSettings }) {
  return (
    <Section title="Sent in the last days">
      {settings.recent.length === 0 ? (
        <EmptyState icon="bell" title="Nothing sent yet" />
      ) : (
        <Rows label="Sent notifications">
          {settings.recent.map((delivery) => (
            <Row
              key={delivery.id}
              title={
                <>
                  {KINDS[delivery.kind]} <DeliveryState delivery={delivery} />
                </>
              }
              details={
                <>
                  {delivery.recipient} · <Time value={delivery.createdAt} />
                  {delivery.attempts > 1 && ` · ${delivery.attempts} attempts`}
                </>
              }
            >
              {delivery.error && <Notice kind="error">{delivery.error}</Notice>}
            </Row>
          ))}
        </Rows>
      )}
    </Section>
  );
}

function DeliveryState({ delivery }: { delivery: Delivery }) {
  if (delivery.deliveredAt) return <Badge kind="success">Delivered</Badge>;
  if (delivery.nextAttemptAt) return <Badge kind="warning">Waiting</Badge>;
  return delivery.error ? <Badge kind="danger">Failed</Badge> : <Badge>Cancelled</Badge>;
}
