// Who is writing, in both directions.

import { useEffect, useState } from 'react';
import { TYPING_TIMEOUT_MS, TypingSignal } from '../../../shared/typing-signal';
import { useEvents } from '../../app/EventsProvider';
import { useMe } from '../../app/session';
import { postTyping } from './requests';

export interface Typists {
  isVisitorTyping: boolean;
  /** The names of other agents. */
  agents: string[];
}

/** The visitor and the other agents who are writing in the conversation. */
export function useTypists(conversationId: string): Typists {
  const me = useMe();
  /** The names by the id of the person, and by an empty text for the visitor. */
  const [typists, setTypists] = useState<ReadonlyMap<string, Typist>>(new Map());
  const change = (id: string, typist: Typist | null) =>
    setTypists((old) => {
      if (!typist && !old.has(id)) return old;
      const next = new Map(old);
      if (typist) next.set(id, typist);
      else next.delete(id);
      return next;
    });
  useEvents(['typing'], ({ chatId, isTyping, from, agent }) => {
    if (chatId !== conversationId || agent?.id === me.id) return;
    const id = from === 'visitor' ? VISITOR : (agent?.id ?? 'key');
    const until = Date.now() + TYPING_TIMEOUT_MS;
    change(id, isTyping ? { name: agent?.name ?? 'An agent', until } : null);
  });
  useEvents(['new_message'], ({ chatId, message }) => {
    if (chatId === conversationId && message.role === 'user') change(VISITOR, null);
  });
  useEffect(() => {
    if (typists.size === 0) return;
    const next = Math.min(...[...typists.values()].map(({ until }) => until));
    const expire = () =>
      setTypists((old) => new Map([...old].filter(([, { until }]) => until > Date.now())));
    const timer = setTimeout(expire, Math.max(0, next - Date.now()) + 50);
    return () => clearTimeout(timer);
  }, [typists]);
  const agents = [...typists].filter(([id]) => id !== VISITOR).map(([, { name }]) => name);
  return { isVisitorTyping: typists.has(VISITOR), agents };
}

const VISITOR = '';
interface Typist {
  name: string;
  until: number;
}

/** Tells the server whether this agent is writing. */
export function useTypingSignal(conversationId: string): TypingSignal {
  const [signal] = useState(
    () => new TypingSignal((isTyping) => void postTyping(conversationId, isTyping)),
  );
  useEffect(() => () => signal.stop(), [signal]);
  return signal;
}
