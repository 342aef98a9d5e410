import { Button, Dialog, DialogActions } from '../ui';
import { CopyField } from '../ui/CopyField';

export interface SignInLinkDialogProps {
  name: string;
  url: string;
  onClose: () => void;
}

/** Shows a sign-in link, which cannot be read again later. */
export function SignInLinkDialog({ name, url, onClose }: SignInLinkDialogProps) {
  return (
    <Dialog title={`Sign-in link for ${name}`} isOpen onClose={onClose} role="alertdialog">
      <p>
        Send this link to {name}. The link signs in the person who opens it, who can then choose a
        password. The link works once and is shown only now.
      </p>
      <CopyField label="sign-in link" text={url} />
      <DialogActions>
        <Button variant="primary" onPress={onClose}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}
