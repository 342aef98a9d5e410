import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Me, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useMe } from '../app/session';
import { useSubmit } from '../app/useSubmit';
import { Button, Section, Switch, TextField, toast } from '../ui';
import { Form } from '../ui/Form';

interface Input {
  name?: string;
  avatarUrl?: string | null;
  isAway?: boolean;
}

export function ProfileSection() {
  const me = useMe();
  const client = useQueryClient();
  const [name, setName] = useState(me.name);
  const [avatarUrl, setAvatarUrl] = useState(me.avatarUrl ?? '');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['name', 'avatarUrl'],
    async (body: Input) => unwrap(await api.PATCH('/agents/me', { body })),
    (changed: Me) => {
      client.setQueryData(keys.me, changed);
      toast.success('Saved');
    },
  );
  const save = () => submit({ name: name.trim(), avatarUrl: avatarUrl.trim() || null });
  return (
    <Section title="Profile" description="Visitors see your name and picture in your replies.">
      <Form onSubmit={save} error={error}>
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          isRequired
          errorMessage={errorOf('name')}
        />
        <TextField
          label="Picture (URL)"
          type="url"
          placeholder="https://"
          value={avatarUrl}
          onChange={setAvatarUrl}
          errorMessage={errorOf('avatarUrl')}
        />
        <TextField label="E-mail" value={me.email} isReadOnly />
        <div>
          <Button variant="primary" type="submit" isPending={isPending}>
            Save
          </Button>
        </div>
        <Switch isSelected={me.isAway} onChange={(isAway) => submit({ isAway })}>
          Away: visitors are not told that a person is available because of you
        </Switch>
      </Form>
    </Section>
  );
}
