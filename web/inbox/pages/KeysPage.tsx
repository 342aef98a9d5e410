import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiKey, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { Button, EmptyState, ErrorState, LoadingState, Page, Section } from '../ui';
import { KeyDialog } from './KeyDialog';
import { KeyRow } from './KeyRow';
import { NewKeyDialog } from './NewKeyDialog';
import { Rows } from './Rows';

/** What is open above the lists: a form for a new key, or a key that was just made. */
type Task = { kind: 'add' } | { kind: 'added'; key: ApiKey; secret: string } | null;

export default function KeysPage() {
  const client = useQueryClient();
  const [task, setTask] = useState<Task>(null);
  const { data, error, refetch } = useQuery({
    queryKey: keys.apiKeys,
    queryFn: async () => unwrap(await api.GET('/keys')).data,
  });
  const valid = data?.filter((key) => key.revokedAt === null);
  const close = () => setTask(null);
  return (
    <Page
      title="Keys and websites"
      description="Web pages use publishable keys, servers use private keys."
      actions={
        <Button variant="primary" icon="plus" onPress={() => setTask({ kind: 'add' })}>
          Create a key
        </Button>
      }
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!valid && !error && <LoadingState label="Loading the keys" />}
      {valid && (
        <>
          <KeySection
            title="Websites"
            description="A script tag with the key puts the chat on your pages."
            keys={valid.filter((key) => key.kind === 'publishable')}
          />
          <KeySection
            title="Servers"
            description="A private key may do everything in this project. Only your own servers may know it."
            keys={valid.filter((key) => key.kind === 'private')}
          />
        </>
      )}
      {task?.kind === 'add' && (
        <KeyDialog
          apiKey={null}
          onClose={close}
          onSaved={(key, secret) => {
            void client.invalidateQueries({ queryKey: keys.apiKeys });
            setTask(secret === null ? null : { kind: 'added', key, secret });
          }}
        />
      )}
      {task?.kind === 'added' && (
        <NewKeyDialog apiKey={task.key} secret={task.secret} onClose={close} />
      )}
    </Page>
  );
}

interface KeySectionProps {
  title: string;
  description: string;
  keys: ApiKey[];
}

function KeySection({ title, description, keys }: KeySectionProps) {
  return (
    <Section title={title} description={description}>
      {keys.length === 0 ? (
        <EmptyState icon="key" title="There is no key of this kind" />
      ) : (
        <Rows label={title}>
          {keys.map((key) => (
            <KeyRow key={key.id} apiKey={key} />
          ))}
        </Rows>
      )}
    </Section>
  );
}
