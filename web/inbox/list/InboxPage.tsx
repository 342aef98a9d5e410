import { ConversationPage } from '../conversation/ConversationPage';
import { EmptyState } from '../ui';

/** The list of conversations, and the one that is open. */
export function InboxPage({ conversationId }: { conversationId: string | null }) {
  if (conversationId) return <ConversationPage conversationId={conversationId} backHref={null} />;
  return <EmptyState icon="inbox" title="No conversation is open" />;
}
