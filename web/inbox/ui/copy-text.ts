import { toast } from './Toast';

/** Copies a text to the clipboard, and says so. `label` is what the text is. */
export async function copyText(label: string, text: string): Promise<void> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else if (!copyBySelection(text)) throw new Error('the browser refused');
    toast.success(`Copied: ${label}`);
  } catch {
    toast.error('The browser does not allow copying. Select the text instead.');
  }
}

/** Pages without TLS have no other way. */
function copyBySelection(text: string): boolean {
  const onCopy = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData('text/plain', text);
  };
  document.addEventListener('copy', onCopy, { capture: true });
  try {
    return document.execCommand('copy');
  } finally {
    document.removeEventListener('copy', onCopy, { capture: true });
  }
}
