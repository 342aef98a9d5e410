import type { ApiKey } from '../app/api';
import { scriptTag } from '../app/script-tag';
import { Button, Dialog, DialogActions } from '../ui';
import { CopyField } from '../ui/CopyField';

export interface NewKeyDialogProps {
  apiKey: ApiKey;
  /** The text of the key. */
  secret: string;
  onClose: () => void;
}

/** Shows a key that was just made. */
export function NewKeyDialog({ apiKey, secret, onClose }: NewKeyDialogProps) {
  const isPublishable = apiKey.kind === 'publishable';
  return (
    <Dialog title="The key is ready" isOpen onClose={onClose} role="alertdialog">
      <p>
        {isPublishable
          ? 'Paste this tag into your pages, before the end of the body.'
          : 'Store this key on your server. It is shown only now.'}
      </p>
      <CopyField
        label={isPublishable ? 'script tag' : 'private key'}
        text={isPublishable ? scriptTag(secret) : secret}
      />
      <DialogActions>
        <Button variant="primary" onPress={onClose}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}
