export interface ConversationPageProps {
  conversationId: string;
  /** The address of the list, if it is not next to the conversation; otherwise null. */
  backHref: string | null;
}

export function ConversationPage({ conversationId }: ConversationPageProps) {
  return <p>{conversationId}</p>;
}
