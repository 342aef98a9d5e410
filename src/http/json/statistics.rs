//! Unanswered questions and statistics (docs/api-contract.md, sections 4.24 and 4.25).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{ConversationId, MessageId, Statistics, Timestamp, UnansweredQuestion};

/// A question to which the assistant found no answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UnansweredQuestion)]
pub struct UnansweredQuestionJson<'a> {
    object: UnansweredQuestionObject,
    /// The id of the message of the assistant.
    id: MessageId,
    /// What the visitor wrote.
    question: &'a str,
    conversation_id: ConversationId,
    created_at: Timestamp,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UnansweredQuestionObject {
    UnansweredQuestion,
}

impl<'a> From<&'a UnansweredQuestion> for UnansweredQuestionJson<'a> {
    fn from(question: &'a UnansweredQuestion) -> Self {
        Self {
            object: UnansweredQuestionObject::UnansweredQuestion,
            id: question.id,
            question: &question.question,
            conversation_id: question.conversation,
            created_at: question.created_at,
        }
    }
}

/// What the conversations of the last days amount to. It is at most a minute old, except
/// `waiting`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Statistics)]
pub struct StatisticsJson {
    object: StatisticsObject,
    /// Each day of the period, the oldest first. The last one is today.
    days: Vec<DayStatisticsJson>,
    /// The conversations that were started in the period.
    conversations: u64,
    /// The share of the conversations with a message in which no agent took part, from 0 to
    /// 1; null without conversations.
    #[schema(required, minimum = 0, maximum = 1)]
    answered_by_assistant: Option<f64>,
    /// Half of the visitors who waited for an agent waited at most this time; null if nobody
    /// has waited.
    #[schema(required)]
    median_wait_seconds: Option<u64>,
    /// The conversations that wait for an agent now.
    waiting: u64,
    feedback: FeedbackCountsJson,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StatisticsObject {
    Statistics,
}

/// The conversations of a day.
#[derive(Serialize, ToSchema)]
#[schema(as = DayStatistics)]
struct DayStatisticsJson {
    /// The day in UTC, such as `2024-01-15`.
    #[schema(format = Date)]
    date: String,
    /// The conversations that were started.
    conversations: u64,
}

/// The messages that visitors rated in the period.
#[derive(Serialize, ToSchema)]
#[schema(as = FeedbackCounts)]
struct FeedbackCountsJson {
    likes: u64,
    dislikes: u64,
}

impl StatisticsJson {
    pub fn new(statistics: &Statistics, waiting: u64) -> Self {
        let days = statistics.days.iter().map(|day| DayStatisticsJson {
            date: day.at.format_iso8601(&mut [0; 24])[..10].to_owned(),
            conversations: day.conversations,
        });
        Self {
            object: StatisticsObject::Statistics,
            days: days.collect(),
            conversations: statistics.conversations(),
            answered_by_assistant: statistics.answered_by_assistant(),
            median_wait_seconds: statistics.median_wait_ms.map(|ms| ms.div_ceil(1000)),
            waiting,
            feedback: FeedbackCountsJson {
                likes: statistics.likes,
                dislikes: statistics.dislikes,
            },
        }
    }
}
