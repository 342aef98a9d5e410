//! What the link of an e-mail with replies opens.

use crate::domain::{Audience, KeySeq, ReplyLink, SessionId, Timestamp, Visitor, VisitorSeq};
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;
use crate::store::visitor;

/// The visitor of a link.
#[derive(Debug, Clone)]
pub struct LinkedVisitor {
    pub visitor: VisitorSeq,
    /// A publishable key of the project and its text: that of the visitor's newest session
    /// if possible. None: the project has no publishable key whose text is stored.
    pub key: Option<(KeySeq, String)>,
    pub profile: Visitor,
}

/// Finds the conversation of a link. None if the visitor or the conversation was deleted,
/// or the visitor is blocked.
pub fn find_linked(
    snapshot: &Snapshot,
    link: ReplyLink,
) -> Result<Option<LinkedVisitor>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT v.seq \
               FROM project AS p JOIN visitor AS v ON v.project_seq = p.seq AND v.id = ?2 \
                                 JOIN conversation AS c ON c.project_seq = p.seq AND c.id = ?3 \
              WHERE p.id = ?1 AND c.visitor_seq = v.seq AND v.blocked_at IS NULL"
        ),
        [
            link.project.into(),
            link.visitor.into(),
            link.conversation.into(),
        ],
    );
    let Some(visitor) = snapshot.optional(&sql, |row| row.get(0))? else {
        return Ok(None);
    };
    Ok(Some(LinkedVisitor {
        visitor,
        key: key_of(snapshot, visitor)?,
        profile: visitor::read(snapshot, visitor, Audience::Visitor)?,
    }))
}

/// The key of the visitor's newest session, or the newest key of the project.
fn key_of(
    snapshot: &Snapshot,
    visitor: VisitorSeq,
) -> Result<Option<(KeySeq, String)>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT k.seq, k.publishable_key \
               FROM visitor AS v JOIN api_key AS k ON k.project_seq = v.project_seq \
              WHERE v.seq = ? AND k.publishable_key IS NOT NULL AND k.revoked_at IS NULL \
              ORDER BY (SELECT max(s.last_used_at) FROM session AS s \
                         WHERE s.visitor_seq = v.seq AND s.key_seq = k.seq) DESC NULLS LAST, \
                    k.seq DESC \
              LIMIT 1"
        ),
        [visitor.into()],
    );
    snapshot.optional(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Starts a session of a visitor who is known.
///
/// Rejected with `VisitorNotFound` if the visitor was deleted or blocked meanwhile.
pub fn start_session(visitor: VisitorSeq, session: SessionId, key: KeySeq, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
                 SELECT ?1, seq, ?3, ?4, ?4 FROM visitor WHERE seq = ?2 AND blocked_at IS NULL"
            ),
            [session.into(), visitor.into(), key.into(), at.into()],
        ),
        Rejection::VisitorNotFound,
    )
}
