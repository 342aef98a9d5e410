// The types of the API as agents get it: members that are optional in the OpenAPI document,
// because visitors do not get them, are there.

import type { components, paths } from '../../shared/api-types';

type Schemas = components['schemas'];

export type Agent = Schemas['Agent'];
export type AgentRole = Schemas['AgentRole'];
export type AgentSession = Schemas['AgentSession'];
/** The account that is signed in. */
export type Me = Schemas['SignedInAgent'];
export type ApiKey = Schemas['Key'];
export type BusinessHours = Required<Schemas['BusinessHours']>;
export type OpeningHours = Schemas['HourRange'];
export type Weekday = keyof Schemas['BusinessDays'];
export type Note = Schemas['Note'];
export type NotificationSettings = Schemas['NotificationSettings'];
export type SavedReply = Schemas['SavedReply'];
export type Source = Schemas['Source'];
export type Statistics = Schemas['Statistics'];
export type UnansweredQuestion = Schemas['UnansweredQuestion'];
export type WaitingReason = Schemas['WaitingReason'];

export type Visitor = Required<Schemas['Visitor']>;
export type Project = Required<Omit<Schemas['Project'], 'businessHours'>> & {
  /** Null: always open. */
  businessHours: BusinessHours | null;
};
export type ProjectChange = Schemas['ProjectChangeRequest'];
export type ConversationListItem = Required<Omit<Schemas['ConversationListItem'], 'visitor'>> & {
  visitor?: Visitor;
};
export type ConversationList = Omit<Schemas['ConversationList'], 'data'> & {
  data: ConversationListItem[];
};
export type ConversationFull = Required<Omit<Schemas['ConversationFull'], 'visitor'>> & {
  visitor?: Visitor;
};

/** The operation, with another body of its response. */
type WithResult<Operation, Result> = Omit<Operation, 'responses'> & {
  responses: { 200: { content: { 'application/json': Result } } };
};
type WithGet<Path extends keyof paths, Result> = Omit<paths[Path], 'get'> & {
  get: WithResult<paths[Path] extends { get: infer Get } ? Get : never, Result>;
};

interface StaffPaths {
  '/conversations': WithGet<'/conversations', ConversationList>;
  '/conversations/{conversationId}': WithGet<'/conversations/{conversationId}', ConversationFull>;
  '/visitors/{visitorId}': WithGet<'/visitors/{visitorId}', Visitor>;
  '/projects/current': Omit<WithGet<'/projects/current', Project>, 'patch'> & {
    patch: WithResult<paths['/projects/current']['patch'], Project>;
  };
}

export type ApiPaths = Omit<paths, keyof StaffPaths> & StaffPaths;
