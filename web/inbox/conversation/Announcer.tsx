import { useEffect, useRef, useState } from 'react';
import type { Message } from '../../shared/api';
import { readableText } from '../../shared/markdown/parse';
import { textOf } from '../../shared/message-text';
import { VisuallyHidden } from '../ui';

interface AnnouncerProps {
  messages: readonly Message[];
  visitorName: string;
  /** The name under which the agent replies: own replies are not announced. */
  ownName: string;
}

/** Tells screen readers what is new. The log changes with every word of an answer. */
export function Announcer({ messages, visitorName, ownName }: AnnouncerProps) {
  const [text, setText] = useState('');
  const last = messages.at(-1);
  const announced = useRef(last?.id);
  useEffect(() => {
    if (!last || last.status === 'streaming' || last.id === announced.current) return;
    announced.current = last.id;
    const name = last.humanAgent?.name;
    if (last.role === 'human_agent' && name === ownName) return;
    const author = last.role === 'user' ? visitorName : (name ?? 'Assistant');
    setText(`${author}: ${readableText(textOf(last))}`);
  }, [last, visitorName, ownName]);
  return (
    <VisuallyHidden elementType="p" role="status" aria-live="polite">
      {text}
    </VisuallyHidden>
  );
}
