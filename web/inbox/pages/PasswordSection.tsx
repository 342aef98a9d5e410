import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, unwrap } from '../app/api';
import { PASSWORD_RULE } from '../app/errors';
import { keys } from '../app/queries';
import { useMe } from '../app/session';
import { useSubmit } from '../app/useSubmit';
import { Button, Section, TextField, toast } from '../ui';
import { Form } from '../ui/Form';

const MIN_PASSWORD_CHARS = 10;

export function PasswordSection() {
  const { hasPassword } = useMe();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['currentPassword', 'newPassword'],
    async (body: { currentPassword?: string; newPassword: string }) =>
      unwrap(await api.PATCH('/agents/me', { body })),
    (changed) => {
      setCurrent('');
      setNext('');
      client.setQueryData(keys.me, changed);
      void client.invalidateQueries({ queryKey: keys.sessions });
      toast.success('The password is changed. Your other sessions have ended.');
    },
  );
  const change = hasPassword
    ? { currentPassword: current, newPassword: next }
    : { newPassword: next };
  return (
    <Section title={hasPassword ? 'Change the password' : 'Choose a password'}>
      <Form onSubmit={() => submit(change)} error={error}>
        {hasPassword && (
          <TextField
            label="Current password"
            type="password"
            autoComplete="current-password"
            value={current}
            onChange={setCurrent}
            isRequired
            errorMessage={errorOf('currentPassword')}
          />
        )}
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          description={`At least ${MIN_PASSWORD_CHARS} characters.`}
          value={next}
          onChange={setNext}
          isRequired
          errorMessage={errorOf('newPassword') && PASSWORD_RULE}
        />
        <div>
          <Button type="submit" isPending={isPending}>
            {hasPassword ? 'Change the password' : 'Set the password'}
          </Button>
        </div>
      </Form>
    </Section>
  );
}
