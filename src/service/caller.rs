//! Who calls: a visitor with a session or a website's server with a private key.

use crate::domain::{KeySeq, ProjectSeq, Scope, VisitorSeq};

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
}

/// Why a caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    #[error("the conversation belongs to another visitor")]
    OtherVisitor,
    #[error("only a private key may do this")]
    ServerOnly,
    #[error("only a visitor may do this")]
    VisitorOnly,
}

impl Caller {
    pub fn project(self) -> ProjectSeq {
        match self {
            Caller::Visitor { project, .. } | Caller::Server { project } => project,
        }
    }

    pub fn is_visitor(self) -> bool {
        matches!(self, Caller::Visitor { .. })
    }

    /// The conversations that the caller may list: a visitor's own or the whole
    /// project's.
    pub fn scope(self) -> Scope {
        match self {
            Caller::Visitor { visitor, .. } => Scope::Visitor(visitor),
            Caller::Server { project } => Scope::Project(project),
        }
    }

    /// Checks that the caller may read the conversations of `owner`.
    pub fn check_owner(self, owner: VisitorSeq) -> Result<(), AccessError> {
        match self {
            Caller::Visitor { visitor, .. } if visitor != owner => Err(AccessError::OtherVisitor),
            _ => Ok(()),
        }
    }

    /// The project, for operations that need a private key.
    pub fn require_server(self) -> Result<ProjectSeq, AccessError> {
        match self {
            Caller::Server { project } => Ok(project),
            Caller::Visitor { .. } => Err(AccessError::ServerOnly),
        }
    }

    /// The visitor, for operations that need a session token.
    pub fn require_visitor(self) -> Result<VisitorSeq, AccessError> {
        match self {
            Caller::Visitor { visitor, .. } => Ok(visitor),
            Caller::Server { .. } => Err(AccessError::VisitorOnly),
        }
    }
}
