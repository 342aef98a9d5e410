// Tells screen readers what is new. The log itself is not announced, because an answer
// changes with every word.

import { useEffect, useRef, useState } from 'preact/hooks';
import { readableText } from '../../../shared/markdown/parse';
import { textOf } from '../../../shared/message-text';
import { useStore } from '../chat/store';
import { displayName, usePanel } from './panel-context';

export function Announcer() {
  const { chat, texts, context } = usePanel();
  const { messages, answer, isLoading } = useStore(chat.store);
  const [text, setText] = useState('');
  const announced = useRef<string | null>(null);
  const isWriting = answer !== null;
  const last = messages.at(-1);
  useEffect(() => {
    if (isWriting) setText(texts.writing);
  }, [isWriting]);
  useEffect(() => {
    if (isLoading || !last) {
      // The messages that are loaded are old; the first one of an empty conversation is new.
      announced.current = isLoading ? null : '';
      return;
    }
    if (isWriting || last.status === 'streaming') return;
    const isNew = announced.current !== null && announced.current !== last.id;
    announced.current = last.id;
    if (!isNew || last.role === 'user') return;
    const author = last.humanAgent?.name ?? displayName(context);
    setText(`${author}: ${readableText(textOf(last))}`);
  }, [last, isWriting, isLoading]);
  return (
    <p class="hidden" role="status" aria-live="polite">
      {text}
    </p>
  );
}
