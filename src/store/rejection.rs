//! The reasons why a write is refused.

/// Why a batch was rolled back although the store works: the data did not meet
/// an expectation of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// The conversation does not exist (any more).
    ConversationNotFound,
    ConversationClosed,
    /// An answer of the assistant is being streamed in the conversation.
    AnswerInProgress,
    /// An agent handles the conversation.
    TakenOver,
    /// No agent handles the conversation.
    NotTakenOver,
    /// Another account has taken the conversation over.
    OtherAgent,
    /// The message that the write refers to is not the newest one any more.
    ConversationChanged,
    /// The answer is not being streamed any more: something else ended it.
    AnswerEnded,
    /// The visitor was deleted, so the session has ended.
    VisitorNotFound,
    /// The row that the write changes does not exist.
    NotFound,
    /// The project already has a conversation with the id.
    ConversationExists,
    /// The project has a document of the URL under another id.
    DocumentExists,
    /// Another project has the name.
    ProjectNameExists,
    /// Another account has the e-mail address.
    EmailExists,
    /// The account is the only owner of its project.
    LastOwner,
    /// The project has an account, so that it needs no set-up.
    HasAccount,
    /// The link was used or replaced.
    LinkUsed,
    /// Another row of the project has the name.
    NameExists,
    /// The project or conversation has as many rows as it may have.
    LimitReached,
    /// The visitor is blocked.
    VisitorBlocked,
    /// The caller already used the `Idempotency-Key`.
    IdempotencyKeyUsed,
}

impl Rejection {
    /// The names by which guard statements return a reason.
    pub(super) const NAMES: [(&'static str, Rejection); 15] = [
        ("conversation_closed", Rejection::ConversationClosed),
        ("answer_in_progress", Rejection::AnswerInProgress),
        ("taken_over", Rejection::TakenOver),
        ("not_taken_over", Rejection::NotTakenOver),
        ("other_agent", Rejection::OtherAgent),
        ("conversation_changed", Rejection::ConversationChanged),
        ("answer_ended", Rejection::AnswerEnded),
        ("document_exists", Rejection::DocumentExists),
        ("project_name_exists", Rejection::ProjectNameExists),
        ("email_exists", Rejection::EmailExists),
        ("last_owner", Rejection::LastOwner),
        ("has_account", Rejection::HasAccount),
        ("name_exists", Rejection::NameExists),
        ("limit_reached", Rejection::LimitReached),
        ("visitor_blocked", Rejection::VisitorBlocked),
    ];
}
