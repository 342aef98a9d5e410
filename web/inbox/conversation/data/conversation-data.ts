// What the view knows of a conversation, and how messages and answers change that.

import type { Message } from '../../../shared/api';
import type { ConversationFull, Me } from '../../app/api';

export type ConversationData = ConversationFull;

/** The answer that is being written, with its text so far. */
export interface LiveAnswer {
  messageId: string;
  text: string;
}

/**
 * The answer with another part, which belongs at `offset` of the text. Null: a part before
 * is missing.
 */
export function withDelta(
  answer: LiveAnswer | null,
  { messageId, offset, delta }: { messageId: string; offset: number; delta: string },
): LiveAnswer | null {
  const text = answer?.messageId === messageId ? answer.text : '';
  if (offset > text.length) return null;
  return { messageId, text: text.slice(0, offset) + delta };
}

/** Who answers the visitor. */
export type Handler = 'assistant' | 'me' | 'other' | 'nobody';

export function handlerOf(conversation: ConversationData, me: Pick<Me, 'id'>): Handler {
  if (conversation.status === 'closed') return 'nobody';
  if (!conversation.isHumanHandled) return 'assistant';
  return conversation.agentId === me.id ? 'me' : 'other';
}

/** The conversation with the message, which replaces an earlier version of it. */
export function withMessage(conversation: ConversationData, message: Message): ConversationData {
  const { messages } = conversation;
  const index = messages.findIndex(({ id }) => id === message.id);
  if (index >= 0) return { ...conversation, messages: messages.with(index, message) };
  const after = messages.findLastIndex(({ createdAt }) => createdAt <= message.createdAt);
  return { ...conversation, messages: messages.toSpliced(after + 1, 0, message) };
}

/** The messages, in which the text of the live answer replaces what the server has stored. */
export function withAnswer(
  messages: readonly Message[],
  answer: LiveAnswer | null,
  conversationId: string,
): readonly Message[] {
  if (!answer) return messages;
  const stored = messages.findIndex(({ id }) => id === answer.messageId);
  if (stored < 0) return [...messages, answerMessage(answer, conversationId)];
  const message = messages[stored] as Message;
  if (message.status !== 'streaming') return messages;
  return messages.with(stored, { ...message, parts: [{ type: 'text', text: answer.text }] });
}

/** An answer that the server has not sent as a message yet. */
function answerMessage(answer: LiveAnswer, chatId: string): Message {
  return {
    object: 'message',
    id: answer.messageId,
    createdAt: new Date().toISOString(),
    chatId,
    role: 'assistant',
    parts: [{ type: 'text', text: answer.text }],
    status: 'streaming',
    error: null,
    feedback: null,
    feedbackAt: null,
    metadata: null,
    humanAgent: null,
    pageUrl: null,
    pageTitle: null,
    textSelection: null,
  };
}

/** The newest message of the visitor that tells the page or a selected text. */
export function newestPage(messages: readonly Message[]): Message | undefined {
  return messages.findLast(({ role, pageUrl }) => role === 'user' && pageUrl !== null);
}
