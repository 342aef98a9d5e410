import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiKey, api, unwrap } from '../app/api';
import { keys } from '../app/queries';
import { useSubmit } from '../app/useSubmit';
import { Button, Dialog, DialogActions } from '../ui';
import { CopyField } from '../ui/CopyField';
import { Form } from '../ui/Form';

export interface IdentityDialogProps {
  apiKey: ApiKey;
  onClose: () => void;
}

/** Makes or removes the secret with which the website's server signs who a visitor is. */
export function IdentityDialog({ apiKey, onClose }: IdentityDialogProps) {
  const client = useQueryClient();
  const [secret, setSecret] = useState<string | null>(null);
  const params = { path: { keyId: apiKey.id } };
  const refresh = () => client.invalidateQueries({ queryKey: keys.apiKeys });
  const create = useSubmit(
    [],
    async () => unwrap(await api.POST('/keys/{keyId}/identity-secret', { params })),
    ({ identitySecret }) => {
      setSecret(identitySecret);
      void refresh();
    },
  );
  const remove = useSubmit(
    [],
    async () => unwrap(await api.DELETE('/keys/{keyId}/identity-secret', { params })),
    () => {
      void refresh();
      onClose();
    },
  );
  const hasSecret = apiKey.hasIdentitySecret && secret === null;
  return (
    <Dialog title="Signed identities" isOpen onClose={onClose}>
      <Form
        isInDialog
        error={create.error ?? remove.error}
        onSubmit={() => create.submit(undefined)}
      >
        {secret === null ? (
          <p>
            With a secret, the server of your website can tell the chat who has signed in there. It
            signs a token, and your page calls <code>parlor.identify(token)</code>. Names without a
            signature are shown as unverified.
          </p>
        ) : (
          <>
            <p>Store this secret on the server of your website. It is shown only now.</p>
            <CopyField label="identity secret" text={secret} />
          </>
        )}
        {hasSecret && <p>A new secret replaces the current one at once.</p>}
        <DialogActions>
          {hasSecret && (
            <Button
              variant="danger"
              isPending={remove.isPending}
              onPress={() => remove.submit(undefined)}
            >
              Switch off
            </Button>
          )}
          <Button onPress={onClose}>{secret === null ? 'Cancel' : 'Done'}</Button>
          {secret === null && (
            <Button variant="primary" type="submit" isPending={create.isPending}>
              {hasSecret ? 'Replace the secret' : 'Make a secret'}
            </Button>
          )}
        </DialogActions>
      </Form>
    </Dialog>
  );
}
