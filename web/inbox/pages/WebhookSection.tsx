import { useState } from 'react';
import type { NotificationSettings } from '../app/api';
import { Button, Section, TextField } from '../ui';
import { CopyField } from '../ui/CopyField';
import { Form, FormButtons } from '../ui/Form';
import { useNotificationChange, useNotificationTest } from './notifications';

export function WebhookSection({ settings }: { settings: NotificationSettings }) {
  const [url, setUrl] = useState(settings.webhookUrl ?? '');
  const { submit, isPending, errorOf, error } = useNotificationChange('webhookUrl');
  const test = useNotificationTest('webhook');
  return (
    <Section
      title="Webhook"
      description="For Slack, n8n, your own program and others: parlor sends a signed request (Standard Webhooks)."
    >
      <Form onSubmit={() => submit({ webhookUrl: url.trim() || null })} error={error ?? test.error}>
        <TextField
          label="URL"
          type="url"
          placeholder="https://"
          value={url}
          onChange={setUrl}
          errorMessage={errorOf('webhookUrl')}
        />
        {settings.webhookSecret && (
          <CopyField label="secret of the webhook" text={settings.webhookSecret} />
        )}
        <FormButtons>
          <Button variant="primary" type="submit" isPending={isPending}>
            Save
          </Button>
          <Button
            isPending={test.isPending}
            isDisabled={settings.webhookUrl === null}
            onPress={() => test.submit()}
          >
            Send a test
          </Button>
        </FormButtons>
      </Form>
    </Section>
  );
}
