//! Agents: people who answer for the website (docs/api-contract.md, section 9).

use super::id::{AgentId, AgentSeq};
use super::timestamp::Timestamp;
use super::validation::{ValidationError, parse_enum};

/// The person who answers for the website, as visitors see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanAgent<'a> {
    pub name: Option<&'a str>,
    /// The URL of a picture.
    pub image: Option<&'a str>,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentRole {
    /// Everything that a private key may do.
    Owner,
    /// Reads and answers conversations. Does not change keys, agents or settings, and does
    /// not erase or export.
    Agent,
}

impl AgentRole {
    /// The roles with their names in the API and in the database.
    pub const NAMES: [(&'static str, AgentRole); 2] =
        [("owner", AgentRole::Owner), ("agent", AgentRole::Agent)];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("role", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            AgentRole::Owner => "owner",
            AgentRole::Agent => "agent",
        }
    }
}

/// An account of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentAccount {
    pub seq: AgentSeq,
    pub id: AgentId,
    pub name: String,
    /// In lower case.
    pub email: String,
    pub avatar_url: Option<String>,
    pub role: AgentRole,
    /// Whether the agent does not want to count as available.
    pub is_away: bool,
    pub has_password: bool,
    pub created_at: Timestamp,
}

/// The name and picture of an agent, as visitors see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentProfile {
    pub name: Option<String>,
    /// The URL of a picture.
    pub image: Option<String>,
}

/// The agent to whom a conversation is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignee {
    pub profile: AgentProfile,
    /// `None`: a private key assigns the conversation.
    pub account: Option<AgentId>,
}

impl From<&AgentAccount> for Assignee {
    fn from(account: &AgentAccount) -> Self {
        Self {
            profile: AgentProfile {
                name: Some(account.name.clone()),
                image: account.avatar_url.clone(),
            },
            account: Some(account.id),
        }
    }
}

impl AgentProfile {
    pub fn as_human_agent(&self) -> HumanAgent<'_> {
        HumanAgent {
            name: self.name.as_deref(),
            image: self.image.as_deref(),
        }
    }
}

impl From<HumanAgent<'_>> for AgentProfile {
    fn from(agent: HumanAgent<'_>) -> Self {
        Self {
            name: agent.name.map(str::to_owned),
            image: agent.image.map(str::to_owned),
        }
    }
}
