import { RequestError } from '../app/api';
import { useWatch } from '../app/EventsProvider';
import { BASE_PATH } from '../app/router';
import { EmptyState, ErrorState, LinkButton, LoadingState, VisuallyHidden } from '../ui';
import styles from './ConversationPage.module.css';
import { ConversationView } from './ConversationView';
import { useConversation } from './data/useConversation';
import { HeaderSkeleton } from './Header';

export interface ConversationPageProps {
  conversationId: string;
  /** The address of the list, if it is not next to the conversation; otherwise null. */
  backHref: string | null;
}

/** One conversation, live. */
export function ConversationPage({ conversationId, backHref }: ConversationPageProps) {
  return <Loader key={conversationId} conversationId={conversationId} backHref={backHref} />;
}

function Loader({ conversationId, backHref }: ConversationPageProps) {
  const { data, error, answer, refetch } = useConversation(conversationId);
  useWatch(conversationId);
  const isMissing = error instanceof RequestError && (error.status === 404 || error.status === 422);
  if (data && !isMissing) {
    return <ConversationView conversation={data} answer={answer} backHref={backHref} />;
  }
  return (
    <div className={styles.main}>
      <HeaderSkeleton backHref={backHref} />
      {isMissing && (
        <EmptyState
          icon="search"
          title="There is no such conversation"
          text="It may have been deleted, or the link is incomplete."
        >
          <LinkButton href={backHref ?? BASE_PATH}>Open the list</LinkButton>
        </EmptyState>
      )}
      {!isMissing && error && (
        <ErrorState
          error={error}
          title="The conversation could not be loaded"
          onRetry={() => void refetch()}
        />
      )}
      {!error && <LoadingState label="Opening the conversation" />}
      <VisuallyHidden elementType="h2">Conversation</VisuallyHidden>
    </div>
  );
}
