//! The chunks of a streamed answer (docs/api-contract.md, section 7.4).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::MessageId;

/// A chunk of a streamed answer: an event of the UI message stream of the AI
/// SDK. After the last chunk, the stream has one event with the text `[DONE]`.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[schema(as = AnswerChunk)]
pub enum ChunkJson<'a> {
    /// The answer begins.
    #[schema(title = "StartChunk")]
    #[serde(rename_all = "camelCase")]
    Start {
        /// The id of the stored message. Absent if the answer is not stored.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        message_id: Option<MessageId>,
    },
    /// A step of the answer begins.
    #[schema(title = "StartStepChunk")]
    StartStep {},
    /// A text begins.
    #[schema(title = "TextStartChunk")]
    TextStart {
        /// The id of the text within the answer.
        id: &'a str,
    },
    /// The next piece of a text.
    #[schema(title = "TextDeltaChunk")]
    TextDelta {
        /// The id of the text within the answer.
        id: &'a str,
        /// The piece, in Markdown.
        delta: &'a str,
    },
    /// A text is complete.
    #[schema(title = "TextEndChunk")]
    TextEnd {
        /// The id of the text within the answer.
        id: &'a str,
    },
    /// A step is complete.
    #[schema(title = "FinishStepChunk")]
    FinishStep {},
    /// The answer is complete.
    #[schema(title = "FinishChunk")]
    Finish {},
    /// The server ended the answer, because an agent took the conversation over
    /// or the conversation was closed. The text so far is valid.
    #[schema(title = "AbortChunk")]
    Abort {},
    /// The answer failed, or the server is shutting down. In a conversation, the
    /// text so far is stored.
    #[schema(title = "ErrorChunk")]
    #[serde(rename_all = "camelCase")]
    Error {
        /// The reason, for people.
        error_text: &'a str,
    },
}
