import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, type ConversationListItem, unwrap, type Visitor } from '../../app/api';
import { errorText } from '../../app/errors';
import { keys } from '../../app/queries';
import { Link } from '../../app/router';
import { conversationPath } from '../../app/routes';
import { visitorName } from '../../list/people';
import { Avatar, Badge, Icon, type IconName, Skeleton, Time } from '../../ui';
import { type ConversationData, newestPage } from '../data/conversation-data';
import styles from './VisitorPanel.module.css';

/** What the agent should know about the visitor and the conversation. */
export function VisitorPanel({ conversation }: { conversation: ConversationData }) {
  const { visitor } = conversation;
  return (
    <div className={styles.panel}>
      {visitor && <Who visitor={visitor} />}
      <PageSection conversation={conversation} />
      <Facts conversation={conversation} />
      {visitor && <OtherConversations visitorId={visitor.id} currentId={conversation.id} />}
    </div>
  );
}

function Who({ visitor }: { visitor: Visitor }) {
  const { name, email, phone, externalId, isVerified, isEmailVerified } = visitor;
  const { isBlocked, avatarUrl, id } = visitor;
  return (
    <section className={styles.section} aria-label="Visitor">
      <div className={styles.who}>
        <Avatar name={name} url={avatarUrl} seed={id} size={44} />
        <div className={styles.whoText}>
          <p className={styles.whoName}>{visitorName(visitor, id)}</p>
          <p className={styles.badges}>
            {isBlocked && (
              <Badge kind="danger" icon="block">
                Blocked
              </Badge>
            )}
            <Verification isVerified={isVerified} name={name} />
          </p>
        </div>
      </div>
      <dl className={styles.facts}>
        {email && (
          <Fact icon="mail" label="E-mail">
            <a href={`mailto:${encodeURIComponent(email).replaceAll('%40', '@')}`}>{email}</a>
            <ContactOrigin isVerified={isEmailVerified} />
          </Fact>
        )}
        {phone && (
          <Fact icon="phone" label="Phone">
            <a href={`tel:${encodeURIComponent(phone).replaceAll('%2B', '+')}`}>{phone}</a>
            <ContactOrigin isVerified={false} />
          </Fact>
        )}
        {externalId && (
          <Fact icon="user" label="Id on the website">
            <span className={styles.id}>{externalId}</span>
          </Fact>
        )}
      </dl>
      {!email && !phone && <p className={styles.none}>No contact details</p>}
    </section>
  );
}

/** Whether the website vouches for the name and the id. */
function Verification({ isVerified, name }: { isVerified: boolean; name: string | null }) {
  if (isVerified) {
    return (
      <Badge kind="success" icon="check">
        Verified
      </Badge>
    );
  }
  return <Badge>{name ? 'Unverified' : 'Anonymous'}</Badge>;
}

/** Whether the website vouches for contact details, or the visitor has typed them. */
function ContactOrigin({ isVerified }: { isVerified: boolean }) {
  return isVerified ? (
    <Badge kind="success" icon="check">
      Verified
    </Badge>
  ) : (
    <span className={styles.origin}>given in the chat</span>
  );
}

function Fact(props: { icon: IconName; label: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt title={props.label}>
        <Icon name={props.icon} size={15} />
        <span className={styles.hidden}>{props.label}</span>
      </dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function PageSection({ conversation }: { conversation: ConversationData }) {
  const message = newestPage(conversation.messages);
  const selection = conversation.messages.findLast(({ textSelection }) => textSelection);
  if (!message?.pageUrl) return null;
  const { pageUrl, pageTitle } = message;
  return (
    <section className={styles.section}>
      <h3 className={styles.heading}>Page</h3>
      <a href={pageUrl} target="_blank" rel="noopener noreferrer" className={styles.page}>
        <span className={styles.pageTitle}>
          {pageTitle || pageUrl}
          <Icon name="external" size={13} />
        </span>
        {pageTitle && <span className={styles.pageUrl}>{pageUrl}</span>}
      </a>
      {selection && (
        <blockquote className={styles.selection} title="Selected on the page">
          {selection.textSelection}
        </blockquote>
      )}
    </section>
  );
}

const REASONS = {
  requested: 'Asked for a person',
  contact: 'Left contact details',
  unanswered: 'Got no useful answer',
} as const;

function Facts({ conversation }: { conversation: ConversationData }) {
  const { createdAt, waitingSince, waitingReason, closedAt, closeReason } = conversation;
  return (
    <section className={styles.section}>
      <h3 className={styles.heading}>Conversation</h3>
      <dl className={styles.table}>
        <dt>Started</dt>
        <dd>
          <Time value={createdAt} />
        </dd>
        {waitingSince && (
          <>
            <dt>Waiting since</dt>
            <dd>
              <Time value={waitingSince} />
            </dd>
          </>
        )}
        {waitingReason && (
          <>
            <dt>Reason</dt>
            <dd>{REASONS[waitingReason]}</dd>
          </>
        )}
        {closedAt && (
          <>
            <dt>Closed</dt>
            <dd>
              <Time value={closedAt} />
            </dd>
          </>
        )}
        {closeReason && (
          <>
            <dt>Reason</dt>
            <dd>{closeReason}</dd>
          </>
        )}
        <dt>Messages</dt>
        <dd>{conversation.messages.length}</dd>
      </dl>
    </section>
  );
}

const MAX_OTHERS = 6;

function OtherConversations({ visitorId, currentId }: { visitorId: string; currentId: string }) {
  const { data, error } = useQuery({
    // Below the key of the lists, so that they are read again together.
    queryKey: [...keys.conversations, 'visitor', visitorId],
    queryFn: async ({ signal }) => {
      const query = { visitorId, limit: MAX_OTHERS + 1 };
      return unwrap(await api.GET('/conversations', { params: { query }, signal }));
    },
  });
  const others = data?.data.filter(({ id }) => id !== currentId).slice(0, MAX_OTHERS);
  return (
    <section className={styles.section}>
      <h3 className={styles.heading}>Other conversations</h3>
      {error && <p className={styles.none}>{errorText(error)}</p>}
      {!data && !error && <Skeleton width="70%" />}
      {others?.length === 0 && <p className={styles.none}>None</p>}
      <ul className={styles.others}>
        {others?.map((item) => (
          <OtherConversation key={item.id} item={item} />
        ))}
      </ul>
      {data && data.total - 1 > MAX_OTHERS && (
        <p className={styles.none}>and {data.total - 1 - MAX_OTHERS} older ones</p>
      )}
    </section>
  );
}

function OtherConversation({ item }: { item: ConversationListItem }) {
  return (
    <li>
      <Link href={conversationPath(item.id)} className={styles.other}>
        <span className={styles.otherTitle}>{item.title ?? 'Without messages'}</span>
        <span className={styles.otherMeta}>
          {item.status === 'open' ? 'Open' : 'Closed'} · <Time value={item.lastInteractionAt} />
        </span>
      </Link>
    </li>
  );
}
