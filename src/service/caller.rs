//! Who calls: a visitor with a session, a website's server with a private key, or an agent
//! who has signed in.

use crate::domain::{AgentRole, AgentSeq, Audience, KeySeq, ProjectSeq, Scope, VisitorSeq};

/// An authenticated caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A visitor with a session token.
    Visitor {
        visitor: VisitorSeq,
        project: ProjectSeq,
        /// The publishable key that the session was started with.
        key: KeySeq,
    },
    /// A website's server with a private key.
    Server { project: ProjectSeq },
    /// An agent who has signed in.
    Agent {
        project: ProjectSeq,
        agent: AgentSeq,
        role: AgentRole,
    },
}

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    #[error("the conversation belongs to another visitor")]
    OtherVisitor,
    #[error("only a private key or an agent may do this")]
    StaffOnly,
    #[error("only a private key or an owner may do this")]
    OwnerOnly,
    #[error("only a visitor may do this")]
    VisitorOnly,
    #[error("only an agent who has signed in may do this")]
    AgentOnly,
}

impl Caller {
    pub fn project(self) -> ProjectSeq {
        match self {
            Caller::Visitor { project, .. }
            | Caller::Server { project }
            | Caller::Agent { project, .. } => project,
        }
    }

    pub fn is_visitor(self) -> bool {
        matches!(self, Caller::Visitor { .. })
    }

    /// What the caller sees of a conversation.
    pub fn audience(self) -> Audience {
        self.scope().audience()
    }

    /// The conversations that the caller may list: a visitor's own or the whole
    /// project's.
    pub fn scope(self) -> Scope {
        match self {
            Caller::Visitor { visitor, .. } => Scope::Visitor(visitor),
            Caller::Server { project } | Caller::Agent { project, .. } => Scope::Project(project),
        }
    }

    /// Checks that the caller may read the conversations of `owner`.
    pub fn check_owner(self, owner: VisitorSeq) -> Result<(), AccessError> {
        match self {
            Caller::Visitor { visitor, .. } if visitor != owner => Err(AccessError::OtherVisitor),
            _ => Ok(()),
        }
    }

    /// The project, for operations that need a private key or an agent.
    pub fn require_staff(self) -> Result<ProjectSeq, AccessError> {
        match self {
            Caller::Server { project } | Caller::Agent { project, .. } => Ok(project),
            Caller::Visitor { .. } => Err(AccessError::StaffOnly),
        }
    }

    /// The project, for operations that need a private key or an agent with the role owner.
    pub fn require_owner(self) -> Result<ProjectSeq, AccessError> {
        match self {
            Caller::Agent {
                role: AgentRole::Agent,
                ..
            } => Err(AccessError::OwnerOnly),
            _ => self.require_staff(),
        }
    }

    /// The visitor, for operations that need a session token.
    pub fn require_visitor(self) -> Result<VisitorSeq, AccessError> {
        match self {
            Caller::Visitor { visitor, .. } => Ok(visitor),
            Caller::Server { .. } | Caller::Agent { .. } => Err(AccessError::VisitorOnly),
        }
    }
}
