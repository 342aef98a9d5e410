import { useState } from 'react';
import { type ApiKey, api, unwrap } from '../app/api';
import { useSubmit } from '../app/useSubmit';
import { Button, Dialog, DialogActions, Select, TextArea, TextField } from '../ui';
import { Form } from '../ui/Form';

const KINDS = [
  { id: 'publishable', label: 'Website: for web pages' },
  { id: 'private', label: 'Server: for your own programs' },
];

export interface KeyDialogProps {
  /** The key to change; null: a new one. */
  apiKey: ApiKey | null;
  onClose: () => void;
  /** A new key has its text, which is returned once. */
  onSaved: (key: ApiKey, secret: string | null) => void;
}

interface Input {
  kind: ApiKey['kind'];
  name: string;
  origins: string[];
}

async function save(key: ApiKey | null, input: Input): Promise<[ApiKey, string | null]> {
  if (!key) {
    const created = unwrap(await api.POST('/keys', { body: input }));
    return [created, created.key];
  }
  const params = { path: { keyId: key.id } };
  const body = { name: input.name, origins: input.origins };
  return [unwrap(await api.PATCH('/keys/{keyId}', { params, body })), null];
}

export function KeyDialog({ apiKey, onClose, onSaved }: KeyDialogProps) {
  const [kind, setKind] = useState<ApiKey['kind']>(apiKey?.kind ?? 'publishable');
  const [name, setName] = useState(apiKey?.name ?? '');
  const [websites, setWebsites] = useState((apiKey?.origins ?? []).join('\n'));
  const { submit, isPending, errorOf, error } = useSubmit(
    ['name', 'origins'],
    (input: Input) => save(apiKey, input),
    ([key, secret]) => onSaved(key, secret),
  );
  const origins = kind === 'publishable' ? websites.split(/\s+/).filter(Boolean) : [];
  return (
    <Dialog title={apiKey ? 'Edit the key' : 'Create a key'} isOpen onClose={onClose}>
      <Form isInDialog error={error} onSubmit={() => submit({ kind, name: name.trim(), origins })}>
        {!apiKey && (
          <Select
            label="Used by"
            options={KINDS}
            selectedKey={kind}
            onSelectionChange={(key) => setKind(key === 'private' ? 'private' : 'publishable')}
          />
        )}
        <TextField
          label="Name"
          description="For you, to recognise the key."
          value={name}
          onChange={setName}
          autoFocus
          isRequired
          errorMessage={errorOf('name')}
        />
        {kind === 'publishable' && (
          <TextArea
            label="Websites"
            description="One address in each line, such as https://shop.example. Empty: every website may use the key."
            value={websites}
            onChange={setWebsites}
            rows={3}
            errorMessage={errorOf('origins')}
          />
        )}
        <DialogActions>
          <Button onPress={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" isPending={isPending}>
            {apiKey ? 'Save' : 'Create'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  );
}
