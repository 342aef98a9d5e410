import { useState } from 'react';
import { api, unwrap } from '../app/api';
import { useSubmit } from '../app/useSubmit';
import { Button, Dialog, DialogActions, TextField } from '../ui';
import { Form } from '../ui/Form';

export function SourceDialog({ onClose, onSaved }: { onClose: () => void; onSaved: () => void }) {
  const [url, setUrl] = useState('');
  const { submit, isPending, errorOf, error } = useSubmit(
    ['url'],
    async (body: { url: string }) => unwrap(await api.POST('/sources', { body })),
    onSaved,
  );
  return (
    <Dialog title="Learn a website" isOpen onClose={onClose}>
      <Form isInDialog onSubmit={() => submit({ url: url.trim() })} error={error}>
        <TextField
          label="Address"
          type="url"
          placeholder="https://shop.example/sitemap.xml"
          description="The start page or the sitemap. parlor follows links within the website and keeps to its robots.txt."
          value={url}
          onChange={setUrl}
          autoFocus
          isRequired
          errorMessage={errorOf('url')}
        />
        <DialogActions>
          <Button onPress={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" isPending={isPending}>
            Learn
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  );
}
