//! Visitors, and the names by which a website knows them.

use super::batch::Batch;
use super::erasure::next_seq;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use super::waiting;
use crate::domain::{
    Audience, ConversationSeq, DeviceId, EmailAddress, ExternalId, PhoneNumber, ProjectSeq, Scope,
    Timestamp, Visitor, VisitorChange, VisitorDetails, VisitorFilter, VisitorId, VisitorSeq,
};

/// The name by which a website knows a visitor.
#[derive(Debug, Clone)]
pub enum VisitorIdentity {
    Device(DeviceId),
    ExternalId(ExternalId),
}

/// A visitor to be stored, unless the project has a visitor of that name.
#[derive(Debug, Clone)]
pub struct NewVisitor {
    pub id: VisitorId,
    pub project: ProjectSeq,
    pub identity: VisitorIdentity,
    pub at: Timestamp,
}

impl NewVisitor {
    /// Stores the visitor. A visitor who is already stored stays unchanged. External ids are
    /// from the website's server.
    pub(super) fn insert(&self) -> Sql {
        let (device, external_id) = match &self.identity {
            VisitorIdentity::Device(id) => (Some(id.as_str()), None),
            VisitorIdentity::ExternalId(id) => (None, Some(id.as_str())),
        };
        Sql::new(
            sql!(concat!(
                "INSERT INTO visitor (seq, id, project_seq, sa_vid, external_id, created_at, \
                                      is_verified) \
                 VALUES (",
                next_seq!("visitor"),
                ", ?1, ?2, ?3, ?4, ?5, CASE WHEN CAST(?4 AS TEXT) IS NULL THEN 0 ELSE 1 END) ON CONFLICT DO NOTHING"
            )),
            [
                self.id.into(),
                self.project.into(),
                device.into(),
                external_id.into(),
                self.at.into(),
            ],
        )
    }
}

/// The scope of a list that is restricted by `filter`. `None` if the project has no
/// visitor with these names. A visitor's own list is not restricted.
///
/// # Errors
/// Errors of the database.
pub(super) fn narrow(
    snapshot: &Snapshot,
    scope: Scope,
    filter: &VisitorFilter,
) -> Result<Option<Scope>, StoreError> {
    match scope {
        Scope::Project(project) if !filter.is_empty() => {
            let visitor = find_by_names(snapshot, project, filter)?;
            Ok(visitor.map(Scope::Visitor))
        }
        _ => Ok(Some(scope)),
    }
}

/// Finds a visitor of a project by all names of a filter.
fn find_by_names(
    snapshot: &Snapshot,
    project: ProjectSeq,
    filter: &VisitorFilter,
) -> Result<Option<VisitorSeq>, StoreError> {
    let external_id = filter.external_id.as_ref().map(ExternalId::as_str);
    let sql = match (filter.id, external_id) {
        (Some(id), external_id) => Sql::new(
            sql!(
                "SELECT seq FROM visitor \
                  WHERE project_seq = ?1 AND id = ?2 AND (CAST(?3 AS TEXT) IS NULL OR external_id = ?3)"
            ),
            [project.into(), id.into(), external_id.into()],
        ),
        (None, external_id) => Sql::new(
            sql!("SELECT seq FROM visitor WHERE project_seq = ?1 AND external_id = ?2"),
            [project.into(), external_id.into()],
        ),
    };
    snapshot.optional(&sql, |row| row.get(0))
}

/// The columns that [`from_row`] reads, of the table `visitor AS v`.
macro_rules! visitor_columns {
    () => {
        "v.id, v.external_id, v.name, v.avatar_url, v.email, v.phone, v.is_verified, \
         CASE WHEN v.blocked_at IS NULL THEN 0 ELSE 1 END, \
         v.created_at, v.is_email_verified"
    };
}
pub(super) use visitor_columns;

/// Reads a visitor.
///
/// # Errors
/// Rejected with `VisitorNotFound` if the visitor was deleted.
pub fn read(
    snapshot: &Snapshot,
    seq: VisitorSeq,
    audience: Audience,
) -> Result<Visitor, StoreError> {
    let sql = Sql::new(
        sql!(concat!(
            "SELECT ",
            visitor_columns!(),
            " FROM visitor AS v WHERE seq = ?"
        )),
        [seq.into()],
    );
    let visitor = snapshot.optional(&sql, |row| from_row(row, 0, audience))?;
    visitor.ok_or(StoreError::Rejected(Rejection::VisitorNotFound))
}

/// Reads a visitor from the columns of a row from `first` on.
pub(super) fn from_row(
    row: Row<'_>,
    first: usize,
    audience: Audience,
) -> Result<Visitor, StoreError> {
    Ok(Visitor {
        id: row.get(first)?,
        external_id: row.get(first + 1)?,
        name: row.get(first + 2)?,
        avatar_url: row.get(first + 3)?,
        details: match audience {
            Audience::Visitor => None,
            Audience::Staff => Some(details(row, first + 4)?),
        },
    })
}

fn details(row: Row<'_>, first: usize) -> Result<VisitorDetails, StoreError> {
    Ok(VisitorDetails {
        email: row.get(first)?,
        phone: row.get(first + 1)?,
        is_verified: row.get(first + 2)?,
        is_blocked: row.get(first + 3)?,
        created_at: row.get(first + 4)?,
        is_email_verified: row.get(first + 5)?,
    })
}

/// Blocks a visitor, or unblocks a visitor if `at` is `None`. A blocked visitor keeps the
/// first time. The conversations of a blocked visitor do not wait for a person.
///
/// Rejected with `NotFound` if the project has no such visitor.
pub fn set_blocked(project: ProjectSeq, id: VisitorId, at: Option<Timestamp>) -> Batch {
    let batch = Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE visitor SET blocked_at = CASE WHEN CAST(?3 AS BIGINT) IS NOT NULL \
                                                      THEN coalesce(blocked_at, ?3) END \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [project.into(), id.into(), at.into()],
        ),
        Rejection::NotFound,
    );
    match at {
        Some(at) => batch.run(waiting::end_all_of(project, id, at)),
        None => batch,
    }
}

/// Guard: the visitor is not blocked.
pub(super) fn require_not_blocked(visitor: VisitorSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN blocked_at IS NOT NULL THEN 'visitor_blocked' END \
               FROM visitor WHERE seq = ?"
        ),
        [visitor.into()],
    )
}

/// Checks that a visitor is not blocked.
///
/// # Errors
/// Rejected with `VisitorBlocked`.
pub fn check_not_blocked(snapshot: &Snapshot, visitor: VisitorSeq) -> Result<(), StoreError> {
    let sql = Sql::new(
        sql!("SELECT 1 FROM visitor WHERE seq = ? AND blocked_at IS NOT NULL"),
        [visitor.into()],
    );
    match snapshot.optional(&sql, |_| Ok(()))? {
        Some(()) => Err(StoreError::Rejected(Rejection::VisitorBlocked)),
        None => Ok(()),
    }
}

/// Selects the conversations of a visitor in which an answer is being generated.
macro_rules! select_streaming {
    ($index:literal) => {
        concat!(
            "SELECT c.seq FROM message AS m ",
            $index,
            " CROSS JOIN conversation AS c \
              WHERE m.status = 'streaming' AND c.seq = m.conversation_seq \
                AND c.visitor_seq = (SELECT seq FROM visitor WHERE project_seq = ? AND id = ?)"
        )
    };
}

/// The conversations of a visitor in which an answer is being generated.
pub fn streaming_conversations(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: VisitorId,
) -> Result<Vec<ConversationSeq>, StoreError> {
    // Few answers are being generated at a time.
    let sql = Sql::new(
        sql!(
            sqlite: select_streaming!("INDEXED BY message_streaming"),
            postgres: select_streaming!(""),
        ),
        [project.into(), id.into()],
    );
    snapshot.all(&sql, |row| row.get(0))
}

/// How a visitor can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// The e-mail address, otherwise the phone number.
    pub address: Option<String>,
    /// Whether the address is an e-mail address from the website's server.
    pub is_verified: bool,
}

/// How a visitor can be reached.
pub fn contact(snapshot: &Snapshot, seq: VisitorSeq) -> Result<Contact, StoreError> {
    let sql = Sql::new(
        sql!("SELECT coalesce(email, phone), is_email_verified FROM visitor WHERE seq = ?"),
        [seq.into()],
    );
    let contact = snapshot.optional(&sql, |row| {
        Ok(Contact {
            address: row.get(0)?,
            is_verified: row.get(1)?,
        })
    })?;
    Ok(contact.unwrap_or_default())
}

/// Stores the contact details that a visitor left. `None` keeps what is stored, and an e-mail
/// address from the website's server stays.
pub fn store_contact(seq: VisitorSeq, email: Option<&str>, phone: Option<&str>) -> Batch {
    if email.is_none() && phone.is_none() {
        return Batch::new();
    }
    Batch::of([Sql::new(
        sql!(
            "UPDATE visitor SET email = CASE WHEN is_email_verified = 1 THEN email ELSE coalesce(?2, email) END, \
                                phone = coalesce(?3, phone) \
              WHERE seq = ?1"
        ),
        [seq.into(), email.into(), phone.into()],
    )])
}

/// Changes the name and the contact details of a visitor.
///
/// Rejected with `VisitorNotFound` or `VisitorBlocked`.
pub fn change(seq: VisitorSeq, change: &VisitorChange) -> Batch {
    let VisitorChange { name, email, phone } = change;
    let email = email.as_ref().map(Option::as_ref);
    let phone = phone.as_ref().map(Option::as_ref);
    let guarded = Batch::new().guard(require_not_blocked(seq), Rejection::VisitorNotFound);
    guarded.run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE visitor SET name = CASE WHEN ?2 = 1 THEN ?3 ELSE name END, \
                        email = CASE WHEN ?4 = 1 AND is_email_verified = 0 THEN ?5 ELSE email END, \
                        phone = CASE WHEN ?6 = 1 THEN ?7 ELSE phone END \
                  WHERE seq = ?1"
            ),
            [
                seq.into(),
                name.is_some().into(),
                name.as_ref().and_then(Option::as_ref).into(),
                email.is_some().into(),
                email.flatten().map(EmailAddress::as_str).into(),
                phone.is_some().into(),
                phone.flatten().map(PhoneNumber::as_str).into(),
            ],
        ),
        Rejection::VisitorNotFound,
    )
}

/// Finds a visitor of a project by id.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: VisitorId,
) -> Result<Option<VisitorSeq>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT seq FROM visitor WHERE project_seq = ? AND id = ?"),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// A visitor as an operator looks for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorRow {
    pub seq: VisitorSeq,
    pub visitor: Visitor,
    pub sa_vid: Option<String>,
    pub created_at: Timestamp,
    pub conversations: u64,
}

/// A SELECT of the columns that [`visitor_row`] reads, with its conditions.
macro_rules! select_visitors {
    ($conditions:literal) => {
        concat!(
            "SELECT ",
            visitor_columns!(),
            ", seq, sa_vid, open_conversations + closed_conversations \
               FROM visitor AS v WHERE project_seq = ?1 ",
            $conditions
        )
    };
}

fn visitor_row(row: Row<'_>) -> Result<VisitorRow, StoreError> {
    Ok(VisitorRow {
        visitor: from_row(row, 0, Audience::Staff)?,
        created_at: row.get(8)?,
        seq: row.get(10)?,
        sa_vid: row.get(11)?,
        conversations: row.get(12)?,
    })
}

/// One of the names by which a visitor of a project can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitorKey {
    Id(VisitorId),
    ExternalId(String),
    Device(String),
}

/// Finds a visitor of a project by one of the visitor's names.
pub fn find_row(
    snapshot: &Snapshot,
    project: ProjectSeq,
    key: &VisitorKey,
) -> Result<Option<VisitorRow>, StoreError> {
    let sql = match key {
        VisitorKey::Id(id) => Sql::new(
            sql!(select_visitors!("AND id = ?2")),
            [project.into(), (*id).into()],
        ),
        VisitorKey::ExternalId(id) => Sql::new(
            sql!(select_visitors!("AND external_id = ?2")),
            [project.into(), id.as_str().into()],
        ),
        VisitorKey::Device(id) => Sql::new(
            sql!(select_visitors!("AND sa_vid = ?2")),
            [project.into(), id.as_str().into()],
        ),
    };
    snapshot.optional(&sql, visitor_row)
}

/// The newest visitors of a project whose name, external id or device id contains a
/// text, at most `limit`.
pub fn search(
    snapshot: &Snapshot,
    project: ProjectSeq,
    text: &str,
    limit: u32,
) -> Result<Vec<VisitorRow>, StoreError> {
    let sql = Sql::new(
        sql!(select_visitors!(
            "AND (?2 = '' OR replace(lower(name), ?2, '') <> lower(name) \
                  OR replace(lower(external_id), ?2, '') <> lower(external_id) \
                  OR replace(lower(sa_vid), ?2, '') <> lower(sa_vid)) \
             ORDER BY seq DESC LIMIT ?3"
        )),
        [
            project.into(),
            // As `lower` of both databases does.
            text.to_ascii_lowercase().into(),
            i64::from(limit).into(),
        ],
    );
    snapshot.all(&sql, visitor_row)
}

/// The number of messages and of sessions of a visitor.
pub fn count_rows(snapshot: &Snapshot, visitor: VisitorSeq) -> Result<[u64; 2], StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT (SELECT count(*) FROM conversation AS c JOIN message AS m \
                         ON m.conversation_seq = c.seq WHERE c.visitor_seq = ?1), \
                    (SELECT count(*) FROM session WHERE visitor_seq = ?1)"
        ),
        [visitor.into()],
    );
    snapshot.one(&sql, |row| Ok([row.get(0)?, row.get(1)?]))
}
