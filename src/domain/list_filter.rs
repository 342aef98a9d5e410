//! What restricts a list of conversations (docs/api-contract.md, section 4.5 and
//! D25 of section 0).

use super::list_query::ListQuery;
use super::visitor::ExternalId;
use super::{Status, Timestamp, VisitorId};

/// The properties of a conversation that lists are filtered by, with stored
/// counts and an index for each combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ListFilter {
    pub status: Option<Status>,
    pub is_human_handled: Option<bool>,
}

impl ListFilter {
    /// The filter that allows only a status.
    pub fn by_status(status: Option<Status>) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// Whether a list with this filter contains a conversation.
    pub fn allows(self, status: Status, is_human_handled: bool) -> bool {
        self.status.is_none_or(|only| only == status)
            && self
                .is_human_handled
                .is_none_or(|only| only == is_human_handled)
    }
}

/// Restricts the list of a project to one visitor. A visitor has all names that
/// are set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct VisitorFilter {
    pub id: Option<VisitorId>,
    pub external_id: Option<ExternalId>,
}

impl VisitorFilter {
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.external_id.is_none()
    }
}

/// Restricts a list by properties that have no stored counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SearchFilter {
    /// Words that a message or the title contains.
    pub text: Option<String>,
    /// Conversations that were created at this time or later.
    pub created_after: Option<Timestamp>,
    /// Conversations that were created before this time.
    pub created_before: Option<Timestamp>,
    /// Conversations that wait for a person, or the others.
    pub is_waiting: Option<bool>,
}

impl SearchFilter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the filter only removes the conversations that wait for a person.
    pub fn is_only_not_waiting(&self) -> bool {
        let only = Self {
            is_waiting: Some(false),
            ..Self::default()
        };
        *self == only
    }

    /// Whether the matches can be many, so that finding them can take long.
    pub fn is_slow(&self) -> bool {
        let has_few_matches = self.is_waiting == Some(true);
        self.text.is_some() || !(has_few_matches || self.is_empty())
    }
}

/// A request for one page of a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ListRequest {
    pub query: ListQuery,
    pub visitor: VisitorFilter,
    pub search: SearchFilter,
    /// Whether each conversation of the response contains its visitor.
    pub includes_visitor: bool,
}
