import { useState } from 'react';
import type { NotificationSettings } from '../app/api';
import { Button, Notice, Section, TextArea } from '../ui';
import { Form, FormButtons } from '../ui/Form';
import { useNotificationChange, useNotificationTest } from './notifications';

export function EmailSection({ settings }: { settings: NotificationSettings }) {
  const [text, setText] = useState(settings.emails.join('\n'));
  const { submit, isPending, errorOf, error } = useNotificationChange('emails');
  const test = useNotificationTest('email');
  const emails = text.split(/[\s,;]+/).filter(Boolean);
  return (
    <Section
      title="E-mail"
      description="Visitors who have left an address and closed the page also get your replies by e-mail."
    >
      {!settings.isEmailConfigured && (
        <Notice kind="warning">
          This server cannot send e-mail yet. Start it with <code>--smtp-url</code> and{' '}
          <code>--email-from</code>.
        </Notice>
      )}
      <Form onSubmit={() => submit({ emails })} error={error ?? test.error}>
        <TextArea
          label="Send to"
          description="One address on each line, up to ten."
          value={text}
          onChange={setText}
          rows={3}
          errorMessage={errorOf('emails')}
        />
        <FormButtons>
          <Button variant="primary" type="submit" isPending={isPending}>
            Save
          </Button>
          <Button
            isPending={test.isPending}
            isDisabled={!settings.isEmailConfigured || settings.emails.length === 0}
            onPress={() => test.submit()}
          >
            Send a test
          </Button>
        </FormButtons>
      </Form>
    </Section>
  );
}
