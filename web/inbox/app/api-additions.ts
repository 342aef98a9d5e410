// Endpoints and fields that are not in the generated types yet. Whoever adds them to the
// OpenAPI document removes them here.

import type { components, paths } from '../../shared/api-types';

type Schemas = components['schemas'];

/** An endpoint in the form of the generated types. */
interface Endpoint<Result, Body = never, Parameters = object> {
  parameters: Parameters;
  requestBody: [Body] extends [never] ? never : { content: { 'application/json': Body } };
  responses: { 200: { content: { 'application/json': Result } } };
}
/** An endpoint without a body. */
interface Read<Result, Parameters = object> {
  parameters: Parameters;
  requestBody?: never;
  responses: { 200: { content: { 'application/json': Result } } };
}
interface Path<Name extends string> {
  path: Record<Name, string>;
}
interface Data<Item> {
  data: Item[];
}

export type AgentRole = 'owner' | 'agent';

export interface Agent {
  object: 'agent';
  id: string;
  name: string;
  email: string;
  avatarUrl: string | null;
  role: AgentRole;
  isAway: boolean;
  isOnline: boolean;
  hasPassword: boolean;
  createdAt: string;
}

/** The account that is signed in. */
export interface Me extends Agent {
  project: { id: string; name: string };
}

export interface AgentSession {
  id: string;
  createdAt: string;
  lastUsedAt: string;
  userAgent: string | null;
  address: string | null;
  isCurrent: boolean;
}

export type WaitingReason = 'requested' | 'contact' | 'unanswered';

export interface ConversationAdditions {
  /** Since when the conversation waits for a person; null: it does not. */
  waitingSince: string | null;
  waitingReason: WaitingReason | null;
  /** Whether there are messages that no agent has seen. */
  isUnread: boolean;
  /** The account that has taken over. */
  agentId: string | null;
}

export interface VisitorAdditions {
  email: string | null;
  phone: string | null;
  /** Whether name and external id are from the website's server. */
  isVerified: boolean;
  isBlocked: boolean;
  createdAt: string;
}
export type Visitor = Schemas['Visitor'] & VisitorAdditions;

export type ConversationListItem = Omit<Schemas['ConversationListItem'], 'visitor'> &
  ConversationAdditions & { visitor?: Visitor };
export type ConversationList = Omit<Schemas['ConversationList'], 'data'> &
  Data<ConversationListItem>;
export type ConversationFull = Omit<Schemas['ConversationFull'], keyof ConversationAdditions> &
  ConversationAdditions & { visitor?: Visitor };

export interface Note {
  object: 'note';
  id: string;
  text: string;
  createdAt: string;
  /** Null: a program with a private key wrote it. */
  agent: { id: string | null; name: string } | null;
}

export interface SavedReply {
  id: string;
  name: string;
  text: string;
  createdAt: string;
  updatedAt: string;
}

export interface ApiKey {
  object: 'key';
  id: string;
  name: string | null;
  kind: 'publishable' | 'private';
  hint: string;
  origins: string[];
  assistantId: string | null;
  createdAt: string;
  revokedAt: string | null;
  publishableKey: string | null;
  hasIdentitySecret: boolean;
}

export interface Source {
  object: 'source';
  id: string;
  location: string;
  kind: 'website' | 'folder';
  status: 'running' | 'done' | 'failed';
  startedAt: string | null;
  finishedAt: string | null;
  documents: number | null;
  error: string | null;
}

export interface UnansweredQuestion {
  object: 'unanswered_question';
  /** The id of the message. */
  id: string;
  question: string;
  conversationId: string;
  createdAt: string;
}

export interface Statistics {
  days: { date: string; conversations: number }[];
  conversations: number;
  /** A share from 0 to 1. */
  answeredByAssistant: number | null;
  medianWaitSeconds: number | null;
  waiting: number;
  feedback: { likes: number; dislikes: number };
}

export interface NotificationSettings {
  object: 'notification_settings';
  webhookUrl: string | null;
  webhookSecret: string | null;
  emails: string[];
  isEmailConfigured: boolean;
  recent: {
    id: string;
    kind: 'webhook' | 'email' | 'reply_email';
    recipient: string;
    createdAt: string;
    deliveredAt: string | null;
    attempts: number;
    nextAttemptAt: string | null;
    error: string | null;
  }[];
}

export interface OpeningHours {
  from: string;
  to: string;
}
export type Weekday =
  | 'monday'
  | 'tuesday'
  | 'wednesday'
  | 'thursday'
  | 'friday'
  | 'saturday'
  | 'sunday';
export interface BusinessHours {
  timeZone: string;
  days: Partial<Record<Weekday, OpeningHours[]>>;
}

export interface ProjectAdditions {
  /** Null: always open. */
  businessHours: BusinessHours | null;
  awayMessage: string | null;
}
export type Project = Schemas['Project'] & ProjectAdditions;
export type ProjectChange = Schemas['ProjectChangeRequest'] & Partial<ProjectAdditions>;

interface SignInLink {
  signInLink: string;
  expiresAt: string;
}

type ListQuery = NonNullable<paths['/conversations']['get']['parameters']['query']> & {
  waiting?: boolean;
};

export interface AdditionalPaths {
  '/setup': {
    post: Endpoint<
      Agent,
      { token: string; name: string; email: string; password: string; projectName?: string }
    >;
  };
  '/agents': {
    get: Read<Data<Agent>>;
    post: Endpoint<
      Agent & { signInLink: string },
      { name: string; email: string; role: AgentRole; avatarUrl?: string | null }
    >;
  };
  '/agents/sign-in': { post: Endpoint<Agent, { email: string; password: string }> };
  '/agents/sign-in-link': { post: Endpoint<Agent, { token: string; password?: string }> };
  '/agents/sign-out': { post: Read<undefined> };
  '/agents/me': {
    get: Read<Me>;
    patch: Endpoint<
      Me,
      {
        name?: string;
        avatarUrl?: string | null;
        isAway?: boolean;
        email?: string;
        currentPassword?: string;
        newPassword?: string;
      }
    >;
  };
  '/agents/me/sessions': { get: Read<Data<AgentSession>> };
  '/agents/me/sessions/{sessionId}': { delete: Read<undefined, Path<'sessionId'>> };
  '/agents/{agentId}': {
    patch: Endpoint<
      Agent,
      { name?: string; role?: AgentRole; avatarUrl?: string | null },
      Path<'agentId'>
    >;
    delete: Read<undefined, Path<'agentId'>>;
  };
  '/agents/{agentId}/link': { post: Read<SignInLink, Path<'agentId'>> };
  '/conversations': Omit<paths['/conversations'], 'get'> & {
    get: Read<ConversationList, { query?: ListQuery }>;
  };
  '/conversations/{conversationId}': Omit<paths['/conversations/{conversationId}'], 'get'> & {
    get: Read<ConversationFull, Path<'conversationId'> & { query?: { include?: 'visitor' } }>;
  };
  '/conversations/{conversationId}/agent': Omit<
    paths['/conversations/{conversationId}/agent'],
    'put'
  > & {
    put: Endpoint<
      unknown,
      { name?: string | null; image?: string | null; force?: boolean },
      Path<'conversationId'>
    >;
  };
  '/conversations/{conversationId}/read': { post: Read<undefined, Path<'conversationId'>> };
  '/conversations/{conversationId}/typing': {
    post: Endpoint<undefined, { isTyping: boolean }, Path<'conversationId'>>;
  };
  '/conversations/{conversationId}/notes': {
    get: Read<Data<Note>, Path<'conversationId'>>;
    post: Endpoint<Note, { text: string }, Path<'conversationId'>>;
  };
  '/conversations/{conversationId}/notes/{noteId}': {
    delete: Read<undefined, Path<'conversationId' | 'noteId'>>;
  };
  '/visitors/{visitorId}': paths['/visitors/{visitorId}'] & {
    get: Read<Visitor, Path<'visitorId'>>;
  };
  '/visitors/{visitorId}/block': {
    put: Read<undefined, Path<'visitorId'>>;
    delete: Read<undefined, Path<'visitorId'>>;
  };
  '/projects/current': Omit<paths['/projects/current'], 'get' | 'patch'> & {
    get: Read<Project>;
    patch: Endpoint<Project, ProjectChange>;
  };
  '/notifications': {
    get: Read<NotificationSettings>;
    patch: Endpoint<NotificationSettings, { webhookUrl?: string | null; emails?: string[] }>;
  };
  '/notifications/test': {
    post: Endpoint<{ isDelivered: boolean; error: string | null }, { kind: 'webhook' | 'email' }>;
  };
  '/keys': {
    get: Read<Data<ApiKey>>;
    post: Endpoint<
      ApiKey & { key: string },
      {
        kind: ApiKey['kind'];
        name?: string | null;
        origins?: string[];
        assistantId?: string | null;
      }
    >;
  };
  '/keys/{keyId}': {
    patch: Endpoint<ApiKey, { name?: string | null; origins?: string[] }, Path<'keyId'>>;
    delete: Read<undefined, Path<'keyId'>>;
  };
  '/keys/{keyId}/identity-secret': {
    post: Read<{ identitySecret: string }, Path<'keyId'>>;
    delete: Read<undefined, Path<'keyId'>>;
  };
  '/saved-replies': {
    get: Read<Data<SavedReply>>;
    post: Endpoint<SavedReply, { name: string; text: string }>;
  };
  '/saved-replies/{replyId}': {
    patch: Endpoint<SavedReply, { name?: string; text?: string }, Path<'replyId'>>;
    delete: Read<undefined, Path<'replyId'>>;
  };
  '/sources': { get: Read<Data<Source>>; post: Endpoint<Source, { url: string }> };
  '/sources/{sourceId}': { delete: Read<undefined, Path<'sourceId'>> };
  '/sources/{sourceId}/learn': { post: Read<Source, Path<'sourceId'>> };
  '/unanswered-questions': {
    get: Read<
      Data<UnansweredQuestion> & { total: number },
      { query?: { limit?: number; offset?: number } }
    >;
  };
  '/unanswered-questions/{messageId}': { delete: Read<undefined, Path<'messageId'>> };
  '/statistics': { get: Read<Statistics, { query?: { days?: number } }> };
}
