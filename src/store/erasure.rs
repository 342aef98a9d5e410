//! Deletes conversations and visitors with all that belongs to them.
//!
//! A conversation is deleted in two parts, so that no transaction deletes more than
//! some hundred rows:
//!
//! 1. A [`Deletion`] deletes the rows of conversations and notes their numbers in
//!    `deleted_conversation`. From here on no request finds the conversations or their
//!    messages. Triggers delete what else refers to them (`schema.sql`).
//! 2. [`purge_messages`], repeated until nothing remains, deletes the messages of the
//!    noted conversations. If it is interrupted, the next purge continues.
//!
//! A visitor with many conversations is erased in several deletions. The visitor is noted
//! in `deleted_visitor` until nothing remains.
//!
//! The search index has the words of the deleted texts until [`super::search_merge`] has
//! removed them.
//!
//! The first part runs without the actions of foreign keys, which would delete all
//! messages at once. A row number is never used again (`next_seq`), so messages
//! that wait for their deletion cannot appear in another conversation.

use std::path::Path;
use std::time::Duration;

use super::batch::{Batch, BatchOutput};
use super::conversation;
use super::error::StoreError;
use super::open::{OpenError, open_writer};
use super::search_merge;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value};
use super::statement_text::StatementText;
use super::writer::empty_wal;
use crate::domain::{
    ConversationId, ConversationSeq, ProjectId, ProjectSeq, Timestamp, VisitorSeq,
};

/// The `seq` of a new row: higher than that of each row that exists or was deleted.
macro_rules! next_seq {
    ("conversation") => {
        "(SELECT 1 + max(used.seq) \
            FROM (SELECT seq FROM deleted_seq WHERE table_name = 'conversation' \
                  UNION ALL SELECT max(seq) FROM conversation) AS used)"
    };
    ("project") => {
        "(SELECT 1 + max(used.seq) \
            FROM (SELECT seq FROM deleted_seq WHERE table_name = 'project' \
                  UNION ALL SELECT max(seq) FROM project) AS used)"
    };
    ("visitor") => {
        "(SELECT 1 + max(used.seq) \
            FROM (SELECT seq FROM deleted_seq WHERE table_name = 'visitor' \
                  UNION ALL SELECT max(seq) FROM visitor) AS used)"
    };
}
pub(super) use next_seq;

/// A batch that deletes conversations, and is run with `Store::delete`.
#[derive(Debug, Clone)]
pub struct Deletion(pub(super) Batch);

/// What a deletion deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    pub conversations: Vec<DeletedConversation>,
    /// Whether further rows match, which the next step deletes.
    pub has_more: bool,
}

/// A conversation that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedConversation {
    pub seq: ConversationSeq,
    pub project: ProjectSeq,
    pub id: ConversationId,
}

impl Deletion {
    /// Deletes the conversations that `select` notes. An answer that is being streamed is
    /// deleted at once, so that the process that streams it can store nothing.
    fn of_conversations(select: Sql) -> Batch {
        Batch::of([
            select,
            search_merge::note_deleted_texts(),
            Sql::new(
                sql!(
                    "DELETE FROM message WHERE status = 'streaming' \
                        AND conversation_seq IN (SELECT seq FROM deleted_conversation)"
                ),
                [],
            ),
            Sql::new(
                sql!(
                    "DELETE FROM conversation WHERE seq IN (SELECT seq FROM deleted_conversation) \
                     RETURNING seq, project_seq, id"
                ),
                [],
            ),
        ])
    }

    /// Deletes one conversation.
    pub fn of_conversation(conversation: ConversationSeq) -> Self {
        let select = Sql::new(
            sql!(
                "INSERT INTO deleted_conversation (seq) SELECT seq FROM conversation WHERE seq = ? \
                 ON CONFLICT DO NOTHING"
            ),
            [conversation.into()],
        );
        Self(Self::of_conversations(select))
    }

    /// Deletes at most `limit` conversations that were closed before a time, of one
    /// project or of all.
    pub fn of_closed_before(project: Option<ProjectSeq>, time: Timestamp, limit: u32) -> Self {
        let select = Sql::new(
            sql!(
                "INSERT INTO deleted_conversation (seq) \
                 SELECT c.seq FROM project AS p CROSS JOIN conversation AS c \
                  WHERE c.project_seq = p.seq AND c.status = 'closed' AND c.closed_at < ?2 \
                    AND (CAST(?1 AS BIGINT) IS NULL OR p.seq = ?1) LIMIT ?3 \
                     ON CONFLICT DO NOTHING"
            ),
            [project.into(), time.into(), i64::from(limit).into()],
        );
        let has_more = Sql::new(
            sql!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM project AS p CROSS JOIN conversation AS c \
                  WHERE c.project_seq = p.seq AND c.status = 'closed' AND c.closed_at < ?2 \
                    AND (CAST(?1 AS BIGINT) IS NULL OR p.seq = ?1)) THEN 1 ELSE 0 END"
            ),
            [project.into(), time.into()],
        );
        Self(Self::of_conversations(select).run(has_more))
    }

    /// Deletes at most `limit` conversations of a project.
    pub fn of_project_conversations(project: ProjectSeq, limit: u32) -> Self {
        let select = Sql::new(
            sql!(
                "INSERT INTO deleted_conversation (seq) \
                 SELECT seq FROM conversation WHERE project_seq = ? LIMIT ? ON CONFLICT DO NOTHING"
            ),
            [project.into(), i64::from(limit).into()],
        );
        let has_more = Sql::new(
            sql!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM conversation WHERE project_seq = ?) \
                        THEN 1 ELSE 0 END"
            ),
            [project.into()],
        );
        Self(Self::of_conversations(select).run(has_more))
    }

    /// Deletes at most `limit` conversations of a visitor. The first step ends the
    /// sessions of the visitor, removes the contact details and the stored responses, and
    /// notes the visitor in `deleted_visitor`. The last step deletes the row of the visitor.
    /// [`end_erasure`] follows when nothing remains.
    pub fn of_visitor(visitor: VisitorSeq, limit: u32) -> Self {
        let select = Sql::new(
            sql!(
                "INSERT INTO deleted_conversation (seq) \
                 SELECT seq FROM conversation WHERE visitor_seq = ? LIMIT ? ON CONFLICT DO NOTHING"
            ),
            [visitor.into(), i64::from(limit).into()],
        );
        let batch = forget_visitor(visitor).then(Self::of_conversations(select));
        Self(batch.then(Batch::of([
            Sql::new(
                sql!("DELETE FROM visitor WHERE seq = ?1 \
                         AND NOT EXISTS (SELECT 1 FROM conversation WHERE visitor_seq = ?1)"),
                [visitor.into()],
            ),
            Sql::new(
                sql!("SELECT CASE WHEN EXISTS (SELECT 1 FROM visitor WHERE seq = ?) THEN 1 ELSE 0 END"),
                [visitor.into()],
            ),
        ])))
    }

    /// This deletion, after another batch of the same transaction.
    pub fn after(self, batch: Batch) -> Self {
        Self(batch.then(self.0))
    }
}

/// Ends the erasure of a visitor of which nothing remains ([`Deletion::of_visitor`]).
pub fn end_erasure(visitor: VisitorSeq) -> Batch {
    let text = sql!("DELETE FROM deleted_visitor WHERE seq = ?");
    Batch::of([Sql::new(text, [visitor.into()])])
}

/// Ends the sessions of a visitor, and deletes the stored responses and the contact
/// details. The trigger `visitor_delete_children` does the same for a row that another
/// program deletes.
fn forget_visitor(visitor: VisitorSeq) -> Batch {
    let value = || [visitor.into()];
    Batch::of([
        Sql::new(
            sql!(
                "INSERT INTO deleted_visitor (seq) SELECT seq FROM visitor WHERE seq = ? \
                 ON CONFLICT DO NOTHING"
            ),
            value(),
        ),
        Sql::new(sql!("DELETE FROM session WHERE visitor_seq = ?"), value()),
        Sql::new(
            sql!(
                "DELETE FROM idempotency_key WHERE caller = 'visitor ' || CAST(CAST(? AS BIGINT) AS TEXT)"
            ),
            value(),
        ),
        Sql::new(
            sql!(
                "DELETE FROM idempotency_key WHERE caller IN ( \
                     SELECT 'key ' || CAST(k.seq AS TEXT) || ' ' || v.sa_vid \
                       FROM visitor AS v JOIN api_key AS k ON k.project_seq = v.project_seq \
                      WHERE v.seq = ?)"
            ),
            value(),
        ),
        Sql::new(
            sql!(
                "UPDATE visitor SET sa_vid = NULL, external_id = NULL, name = NULL, \
                        avatar_url = NULL, email = NULL, phone = NULL, is_verified = 0, \
                        blocked_at = NULL, is_email_verified = 0 WHERE seq = ?"
            ),
            value(),
        ),
    ])
}

impl Deleted {
    /// Reads the rows that the statements of a deletion returned.
    pub(super) fn read(output: &BatchOutput) -> Result<Self, StoreError> {
        let mut deleted = Self::default();
        for row in &output.rows {
            match row.as_slice() {
                [
                    Value::Integer(seq),
                    Value::Integer(project),
                    Value::Blob(id),
                ] => {
                    let id = uuid::Uuid::from_slice(id)
                        .map_err(|error| StoreError::Internal(error.to_string()))?;
                    deleted.conversations.push(DeletedConversation {
                        seq: ConversationSeq(*seq),
                        project: ProjectSeq(*project),
                        id: ConversationId(id),
                    });
                }
                [Value::Integer(has_more)] => deleted.has_more = *has_more != 0,
                row => {
                    let text = format!("a deletion returned {row:?}");
                    return Err(StoreError::Internal(text));
                }
            }
        }
        Ok(deleted)
    }
}

/// Deletes at most `limit` messages of deleted conversations. [`has_more_messages`]
/// reads the result.
pub fn purge_messages(limit: u32) -> Batch {
    Batch::of([
        // A merge can have begun after the conversations were deleted.
        search_merge::note_deleted_texts(),
        Sql::new(
            sql!(
                "DELETE FROM message WHERE seq IN ( \
                     SELECT seq FROM message \
                      WHERE conversation_seq IN (SELECT seq FROM deleted_conversation) LIMIT ?)"
            ),
            [i64::from(limit).into()],
        ),
        Sql::new(
            sql!(
                "DELETE FROM deleted_conversation WHERE seq > 0 AND NOT EXISTS \
                     (SELECT 1 FROM message WHERE conversation_seq = deleted_conversation.seq)"
            ),
            [],
        ),
        Sql::new(IS_PURGE_PENDING, []),
    ])
}

/// Whether messages of deleted conversations remain after [`purge_messages`].
pub fn has_more_messages(output: &BatchOutput) -> bool {
    output.rows.last().map(Vec::as_slice) == Some(&[Value::Integer(1)])
}

const IS_PURGE_PENDING: StatementText = sql!(
    "\
SELECT CASE WHEN EXISTS (SELECT 1 FROM deleted_conversation WHERE seq > 0) THEN 1 ELSE 0 END"
);

/// Whether messages of deleted conversations wait for their deletion.
pub fn is_purge_pending(snapshot: &Snapshot) -> Result<bool, StoreError> {
    snapshot.one(&Sql::new(IS_PURGE_PENDING, []), |row| row.get(0))
}

/// The visitors whose erasure is not complete.
pub fn deleted_visitors(snapshot: &Snapshot) -> Result<Vec<VisitorSeq>, StoreError> {
    let sql = Sql::new(sql!("SELECT seq FROM deleted_visitor"), []);
    snapshot.all(&sql, |row| row.get(0))
}

/// How much of a project a deletion would delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionCounts {
    pub project: ProjectSeq,
    pub project_id: ProjectId,
    pub project_name: String,
    pub conversations: u64,
    pub messages: u64,
}

/// Counts the conversations that were closed before a time, and their messages, for
/// each project that has such conversations.
pub fn count_closed_before(
    snapshot: &Snapshot,
    project: Option<ProjectSeq>,
    time: Timestamp,
) -> Result<Vec<DeletionCounts>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT p.seq, p.id, p.name, count(*), \
                    CAST(sum((SELECT count(*) FROM message WHERE conversation_seq = c.seq)) AS BIGINT) \
               FROM project AS p CROSS JOIN conversation AS c \
              WHERE c.project_seq = p.seq AND c.status = 'closed' AND c.closed_at < ?2 \
                AND (CAST(?1 AS BIGINT) IS NULL OR p.seq = ?1) \
              GROUP BY p.seq, p.id, p.name ORDER BY p.seq"
        ),
        [project.into(), time.into()],
    );
    snapshot.all(&sql, |row| {
        Ok(DeletionCounts {
            project: row.get(0)?,
            project_id: row.get(1)?,
            project_name: row.get(2)?,
            conversations: row.get(3)?,
            messages: row.get(4)?,
        })
    })
}

/// The conversations that do not exist, of those that a process refers to.
pub fn missing_conversations(
    snapshot: &Snapshot,
    ids: Vec<(ProjectSeq, ConversationId)>,
) -> Result<Vec<(ProjectSeq, ConversationId)>, StoreError> {
    let mut missing = Vec::new();
    for (project, id) in ids {
        if conversation::find(snapshot, project, id)?.is_none() {
            missing.push((project, id));
        }
    }
    Ok(missing)
}

/// The same by row.
pub fn missing_rows(
    snapshot: &Snapshot,
    seqs: Vec<ConversationSeq>,
) -> Result<Vec<ConversationSeq>, StoreError> {
    let mut missing = Vec::new();
    for seq in seqs {
        let sql = Sql::new(
            sql!("SELECT 1 FROM conversation WHERE seq = ?"),
            [seq.into()],
        );
        if snapshot.optional(&sql, |_| Ok(()))?.is_none() {
            missing.push(seq);
        }
    }
    Ok(missing)
}

/// The bytes of the file that no row uses, about as many as [`vacuum`] frees.
pub fn unused_bytes(snapshot: &Snapshot) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!(
            sqlite: "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
            postgres: "SELECT 0",
        ),
        [],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// How long [`vacuum`] waits for other processes that write to the file or read its
/// write-ahead log.
const VACUUM_TIMEOUT: Duration = Duration::from_secs(60);

/// Writes the whole file anew, so that no unused part of a page has earlier content.
/// Other processes can read meanwhile, and cannot write. Needs free space of twice the
/// size of the file. Returns false if a reader still uses the write-ahead log.
///
/// # Errors
/// The file cannot be opened, is locked for too long, or the disk is full.
pub fn vacuum(path: &Path) -> Result<bool, OpenError> {
    let connection = open_writer(path)?;
    let run = || {
        connection.busy_timeout(VACUUM_TIMEOUT)?;
        // The copy of the rows can be larger than the memory.
        connection.execute_batch("PRAGMA temp_store = FILE; VACUUM")?;
        empty_wal(&connection)
    };
    run().map_err(|error| OpenError::from_sqlite(path, &error))
}
