//! Conversations that wait for a person (docs/api-contract.md, section 6.9).
//!
//! The statements belong into the batch that stores the reason: the message, the failed
//! answer or the feedback. So the wait and its notifications are stored with the reason or
//! not at all. A takeover, a reply and a close end the wait (`agent.rs`,
//! `conversation.rs`).

use super::batch::Batch;
use super::error::StoreError;
use super::notification;
use super::snapshot::Snapshot;
use super::sql::Sql;
use super::statement_text::StatementText;
use crate::domain::{
    ConversationSeq, MessageId, ProjectSeq, Timestamp, VisitorId, VisitorSeq, WaitingReason,
};

/// A conversation that can begin to wait.
#[derive(Debug, Clone, Copy)]
pub struct WaitingContext {
    pub conversation: ConversationSeq,
    /// Whether the server can send e-mails.
    pub is_email_configured: bool,
    pub at: Timestamp,
}

/// Updates the conversation `?1` that does not wait, and may: it is open, no agent handles
/// it, and its visitor is not blocked. `?2` is the time and `?3` the reason.
macro_rules! start_waiting {
    ($($condition:expr),*) => {
        concat!(
            "UPDATE conversation SET waiting_since = ?2, waiting_reason = ?3, \
                    updated_at = CASE WHEN updated_at > ?2 THEN updated_at ELSE ?2 END \
              WHERE seq = ?1 AND status = 'open' AND is_human_handled = 0 \
                AND waiting_since IS NULL \
                AND NOT EXISTS (SELECT 1 FROM visitor AS v \
                                 WHERE v.seq = conversation.visitor_seq \
                                   AND v.blocked_at IS NOT NULL) "
            $(, $condition)*
        )
    };
}

/// Whether the message of an alias is an answer that did not help: refused, failed or
/// disliked.
macro_rules! is_unhelpful {
    ($alias:literal) => {
        concat!(
            "(",
            $alias,
            ".role = 'assistant' AND (",
            $alias,
            ".status = 'error' OR ",
            $alias,
            ".feedback = 'dislike' OR EXISTS (SELECT 1 FROM answer_refusal AS r \
                                               WHERE r.message_seq = ",
            $alias,
            ".seq)))"
        )
    };
}

/// The answer `?4` and the answer before or after it did not help, and no agent has
/// written since. Messages of visitors do not separate two answers; those of agents do.
const TWO_UNHELPFUL_ANSWERS: StatementText = sql!(start_waiting!(
    "AND EXISTS (SELECT 1 FROM message AS a \
                  WHERE a.conversation_seq = ?1 AND a.id = ?4 AND ",
    is_unhelpful!("a"),
    " AND NOT EXISTS (SELECT 1 FROM message AS h \
                       WHERE h.conversation_seq = ?1 AND h.seq > a.seq \
                         AND h.role = 'human_agent') \
      AND EXISTS (SELECT 1 FROM message AS n \
                   WHERE n.seq IN ((SELECT max(seq) FROM message \
                                     WHERE conversation_seq = ?1 AND seq < a.seq \
                                       AND role <> 'user'), \
                                   (SELECT min(seq) FROM message \
                                     WHERE conversation_seq = ?1 AND seq > a.seq \
                                       AND role <> 'user')) AND ",
    is_unhelpful!("n"),
    "))"
));

impl WaitingContext {
    /// Makes the conversation wait, unless it waits already.
    pub fn start(self, reason: WaitingReason) -> Batch {
        self.notify(Sql::new(
            sql!(start_waiting!()),
            [
                self.conversation.into(),
                self.at.into(),
                reason.as_str().into(),
            ],
        ))
    }

    /// Makes the conversation wait if an answer and its neighbour did not help. Run it
    /// after the statement that makes `answer` unhelpful.
    pub fn start_after(self, answer: MessageId) -> Batch {
        self.notify(Sql::new(
            TWO_UNHELPFUL_ANSWERS,
            [
                self.conversation.into(),
                self.at.into(),
                WaitingReason::Unanswered.as_str().into(),
                answer.into(),
            ],
        ))
    }

    /// Records that an answer found nothing to say, for the list of unanswered questions,
    /// and makes the conversation wait if the answer before it did not help either.
    pub fn refuse(self, answer: MessageId) -> Batch {
        let refusal = Sql::new(
            sql!(
                "INSERT INTO answer_refusal (message_seq, question_seq, project_seq, created_at) \
                 SELECT a.seq, q.seq, c.project_seq, ?3 \
                   FROM message AS a JOIN conversation AS c ON c.seq = a.conversation_seq \
                                     JOIN message AS q ON q.seq = \
                        (SELECT max(seq) FROM message \
                          WHERE conversation_seq = ?1 AND seq < a.seq AND role = 'user') \
                  WHERE a.conversation_seq = ?1 AND a.id = ?2 \
                     ON CONFLICT DO NOTHING"
            ),
            [self.conversation.into(), answer.into(), self.at.into()],
        );
        Batch::of([refusal]).then(self.start_after(answer))
    }

    fn notify(self, start: Sql) -> Batch {
        let notify =
            notification::enqueue_waiting(self.conversation, self.is_email_configured, self.at);
        Batch::of([start]).then(notify)
    }
}

/// Selects the open conversation without an agent in which a visitor has written last.
macro_rules! select_candidate {
    ($index:literal) => {
        concat!(
            "SELECT seq FROM conversation ",
            $index,
            " WHERE visitor_seq = ? AND status = 'open' AND is_human_handled = 0 \
                AND last_message_seq IS NOT NULL \
              ORDER BY last_interaction_at DESC, id DESC LIMIT 1"
        )
    };
}

/// The open conversation without an agent in which a visitor has written last.
pub fn candidate(
    snapshot: &Snapshot,
    visitor: VisitorSeq,
) -> Result<Option<ConversationSeq>, StoreError> {
    let sql = Sql::new(
        sql!(
            sqlite: select_candidate!("INDEXED BY conversation_by_visitor"),
            postgres: select_candidate!(""),
        ),
        [visitor.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// Ends the wait of all conversations of a visitor.
pub(super) fn end_all_of(project: ProjectSeq, visitor: VisitorId, at: Timestamp) -> Sql {
    Sql::new(
        sql!(
            "UPDATE conversation SET waiting_since = NULL, waiting_reason = NULL, \
                    updated_at = CASE WHEN updated_at > ?3 THEN updated_at ELSE ?3 END \
              WHERE visitor_seq = (SELECT seq FROM visitor WHERE project_seq = ?1 AND id = ?2) \
                AND waiting_since IS NOT NULL"
        ),
        [project.into(), visitor.into(), at.into()],
    )
}
