import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiKey, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { scriptTag } from '../app/script-tag';
import {
  Badge,
  ConfirmDialog,
  IconButton,
  Menu,
  MenuItem,
  MenuSeparator,
  MenuTrigger,
  Time,
  toast,
} from '../ui';
import { CopyField } from '../ui/CopyField';
import { IdentityDialog } from './IdentityDialog';
import { KeyDialog } from './KeyDialog';
import { Row } from './Rows';

type Task = 'edit' | 'identity' | 'revoke' | null;

export function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const client = useQueryClient();
  const [task, setTask] = useState<Task>(null);
  const name = apiKey.name ?? 'Unnamed key';
  const isPublishable = apiKey.kind === 'publishable';
  const close = () => setTask(null);
  const refresh = () => client.invalidateQueries({ queryKey: keys.apiKeys });
  const revoke = async () => {
    unwrap(await api.DELETE('/keys/{keyId}', { params: { path: { keyId: apiKey.id } } }));
    await refresh();
    toast.success(`${name} is revoked`);
  };
  return (
    <>
      <Row
        title={
          <>
            {name}
            {apiKey.hasIdentitySecret && <Badge kind="success">Signed identities</Badge>}
          </>
        }
        details={
          <>
            …{apiKey.hint} · {isPublishable && `${websites(apiKey.origins)} · `}created{' '}
            <Time value={apiKey.createdAt} />
          </>
        }
        actions={
          <MenuTrigger>
            <IconButton icon="more" label={`Actions for ${name}`} />
            <Menu>
              <MenuItem icon="edit" onAction={() => setTask('edit')}>
                Edit
              </MenuItem>
              {isPublishable && (
                <MenuItem icon="user" onAction={() => setTask('identity')}>
                  Signed identities
                </MenuItem>
              )}
              <MenuSeparator />
              <MenuItem icon="trash" isDangerous onAction={() => setTask('revoke')}>
                Revoke
              </MenuItem>
            </Menu>
          </MenuTrigger>
        }
      >
        {apiKey.publishableKey && (
          <CopyField label="script tag" text={scriptTag(apiKey.publishableKey)} />
        )}
      </Row>
      {task === 'edit' && (
        <KeyDialog
          apiKey={apiKey}
          onClose={close}
          onSaved={() => {
            void refresh();
            close();
          }}
        />
      )}
      {task === 'identity' && <IdentityDialog apiKey={apiKey} onClose={close} />}
      {task === 'revoke' && (
        <ConfirmDialog
          title={`Revoke ${name}?`}
          isOpen
          isDangerous
          action="Revoke"
          onClose={close}
          onConfirm={revoke}
        >
          <p>
            {isPublishable
              ? 'The chat stops on the pages that use the key, and their visitors are signed out.'
              : 'Servers that use the key are refused from now on.'}{' '}
            A revoked key cannot be used again.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function websites(origins: string[]): string {
  return origins.length === 0 ? 'all websites' : origins.join(', ');
}
