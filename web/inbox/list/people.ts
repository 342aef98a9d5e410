// How the list names people.

import type { ConversationListItem, Visitor } from '../app/api';

/** The name of a visitor, or a short one that differs between anonymous visitors. */
export function visitorName(visitor: Visitor | undefined, conversationId: string): string {
  if (visitor?.name) return visitor.name;
  // The mark that a visitor is verified must not stand next to an address that was typed.
  const isTyped = visitor?.isVerified === true && !visitor.isEmailVerified;
  if (visitor?.email && !(isTyped && visitor.externalId)) return visitor.email;
  if (visitor?.externalId) return visitor.externalId;
  const id = visitor?.id ?? conversationId;
  return `Visitor ${id.slice(-4).toUpperCase()}`;
}

/** Who wrote the last message, in front of its text; empty for the visitor. */
export function lastAuthor({ lastMessage }: ConversationListItem): string {
  if (lastMessage?.role === 'assistant') return 'Assistant: ';
  if (lastMessage?.role === 'human_agent') return `${lastMessage.humanAgent?.name ?? 'Agent'}: `;
  return '';
}
