import { CONVERSATION_SHORTCUTS } from '../conversation/shortcuts';
import { Dialog } from '../ui';
import styles from './HelpDialog.module.css';

const SHORTCUTS: { keys: string[]; text: string }[] = [
  { keys: ['j'], text: 'Next conversation' },
  { keys: ['k'], text: 'Previous conversation' },
  { keys: ['Enter'], text: 'Open the conversation' },
  { keys: ['Esc'], text: 'Back to the list' },
  { keys: ['/'], text: 'Search' },
  ...CONVERSATION_SHORTCUTS,
  { keys: ['?'], text: 'This help' },
];

export function HelpDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" isOpen={isOpen} onClose={onClose}>
      <dl className={styles.list}>
        {SHORTCUTS.map(({ keys, text }) => (
          <div key={text}>
            <dt>{text}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
