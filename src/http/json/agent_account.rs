//! Accounts of agents (docs/api-contract.md, section 9).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    AgentAccount, AgentId, AgentRole, AgentSessionId, AgentSessionSeq, Project, ProjectId,
    Timestamp,
};
use crate::store::agent_session::SessionSummary;

/// An account of an agent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Agent)]
pub struct AgentJson<'a> {
    object: AgentObject,
    id: AgentId,
    /// The name that visitors see.
    #[schema(max_length = 100)]
    name: &'a str,
    /// The e-mail address in lower case, with which the agent signs in.
    email: &'a str,
    /// The URL of a picture, which visitors see.
    #[schema(required)]
    avatar_url: Option<&'a str>,
    role: AgentRole,
    /// Whether the agent does not want to count as available.
    is_away: bool,
    /// Whether the agent has the inbox open.
    is_online: bool,
    /// Whether the agent can sign in with a password. Otherwise only with a link.
    has_password: bool,
    created_at: Timestamp,
}

impl<'a> AgentJson<'a> {
    /// `is_online`: whether the agent has the inbox open.
    pub fn new(account: &'a AgentAccount, is_online: bool) -> Self {
        Self {
            object: AgentObject::Agent,
            id: account.id,
            name: &account.name,
            email: &account.email,
            avatar_url: account.avatar_url.as_deref(),
            role: account.role,
            is_away: account.is_away,
            is_online,
            has_password: account.has_password,
            created_at: account.created_at,
        }
    }
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum AgentObject {
    Agent,
}

/// The account of the agent who has signed in, with its project.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInAgent)]
pub struct SignedInAgentJson<'a> {
    #[serde(flatten)]
    agent: AgentJson<'a>,
    project: AgentProjectJson<'a>,
}

/// The project of an agent.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentProject)]
pub struct AgentProjectJson<'a> {
    id: ProjectId,
    /// The name of the website.
    name: &'a str,
}

impl<'a> SignedInAgentJson<'a> {
    pub fn new(agent: AgentJson<'a>, project: &'a Project) -> Self {
        Self {
            agent,
            project: AgentProjectJson {
                id: project.id,
                name: &project.name,
            },
        }
    }
}

/// A session of an agent in a browser.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentSession)]
pub struct AgentSessionJson<'a> {
    id: AgentSessionId,
    created_at: Timestamp,
    /// To ten minutes.
    last_used_at: Timestamp,
    /// The browser, as it names itself.
    #[schema(required)]
    user_agent: Option<&'a str>,
    /// The IP address of the sign-in.
    #[schema(required)]
    address: Option<&'a str>,
    /// Whether it is the session of the request.
    is_current: bool,
}

impl<'a> AgentSessionJson<'a> {
    /// `current`: the session of the request.
    pub fn new(session: &'a SessionSummary, current: AgentSessionSeq) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            user_agent: session.user_agent.as_deref(),
            address: session.address.as_deref(),
            is_current: session.seq == current,
        }
    }
}
