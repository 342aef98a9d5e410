import type { Message } from './api';

/** The text of a message; Markdown, unless a visitor wrote it. */
export function textOf(message: Pick<Message, 'parts'>): string {
  return message.parts.map((part) => ('text' in part ? String(part.text) : '')).join('');
}
