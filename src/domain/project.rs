//! Projects (docs/api-contract.md, section 5.5).

use super::label::{PlanName, ProjectDescription, ProjectName};
use super::widget_config::{ChatWidgetConfig, WidgetChange};
use super::{BusinessHours, ProjectId, ProjectSeq};

/// The largest quota of messages in a month.
pub const MAX_MESSAGE_QUOTA: u32 = 1_000_000_000;

/// The maximum length of the away message in characters.
pub const MAX_AWAY_MESSAGE_CHARS: usize = 500;

/// A website whose visitors write to it. Its texts are as they are stored, also those that
/// an earlier version accepted.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: Option<String>,
    pub chat_widget_config: ChatWidgetConfig,
    /// `None`: always open.
    pub business_hours: Option<BusinessHours>,
    pub away_message: Option<String>,
}

/// What a list of projects shows.
#[derive(Debug, Clone)]
pub struct ProjectSummary {
    pub seq: ProjectSeq,
    pub id: ProjectId,
    pub name: String,
    /// None: no plan, every feature.
    pub plan: Option<String>,
    /// Messages that visitors may send in a month. 0: no limit. None: the limit is a
    /// setting of the server.
    pub message_quota: Option<u32>,
    pub open_conversations: u64,
    pub closed_conversations: u64,
}

impl ProjectSummary {
    pub fn conversations(&self) -> u64 {
        self.open_conversations + self.closed_conversations
    }
}

/// New values of a project. None: no change. `Some(None)`: no value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectChange {
    pub name: Option<ProjectName>,
    pub description: Option<Option<ProjectDescription>>,
    pub plan: Option<Option<PlanName>>,
    pub message_quota: Option<Option<u32>>,
    pub widget: WidgetChange,
    pub business_hours: Option<Option<BusinessHours>>,
    pub away_message: Option<Option<String>>,
}

/// What the conversations of a project amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectStatistics {
    /// Conversations in which an agent has written or that an agent handles.
    pub with_agent: u64,
    pub likes: u64,
    pub dislikes: u64,
    /// The months in which visitors sent messages, as months since January 1970,
    /// and the number of these messages. The newest month is first.
    pub messages_by_month: Vec<(i64, u64)>,
}
