//! Questions with their answers. WebSearch finds the published ones, through their
//! passage, which is replaced at every change.

use rusqlite::Row;

use super::batch::{Batch, Rejected};
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::{Sql, Value, uuid, value};
use super::websearch::WebSearch;
use crate::domain::{Author, Limit, Offset, ProjectSeq, Qna, QnaId, Timestamp};

/// A Q&A to be stored.
#[derive(Debug, Clone)]
pub struct NewQna {
    pub id: QnaId,
    pub project: ProjectSeq,
    pub question: String,
    pub answer: String,
    pub is_published: bool,
    pub creator_name: Option<String>,
    /// The address of a picture.
    pub creator_image: Option<String>,
    pub at: Timestamp,
}

impl NewQna {
    /// The write that stores it and, where it is published, has it found.
    pub fn create(&self) -> Batch {
        Batch::of([
            Sql::new(
                "INSERT INTO qna (id, project_seq, question, answer, is_published, created_at, \
                                  updated_at, creator_name, creator_image) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
                [
                    uuid(self.id.0),
                    value(self.project.0),
                    value(self.question.clone()),
                    value(self.answer.clone()),
                    value(self.is_published),
                    value(self.at.0),
                    value(self.creator_name.clone()),
                    value(self.creator_image.clone()),
                ],
            ),
            insert_passage(self.project, self.id),
        ])
    }
}

/// Has a published Q&A found by search.
fn insert_passage(project: ProjectSeq, id: QnaId) -> Sql {
    Sql::new(
        "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
         SELECT project_seq, seq, question, '', answer FROM qna \
          WHERE project_seq = ? AND id = ? AND is_published",
        [value(project.0), uuid(id.0)],
    )
}

fn delete_passage(project: ProjectSeq, id: QnaId) -> Sql {
    Sql::new(
        "DELETE FROM passage \
          WHERE qna_seq = (SELECT seq FROM qna WHERE project_seq = ? AND id = ?)",
        [value(project.0), uuid(id.0)],
    )
}

/// What is to be different about a Q&A. None: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QnaChange {
    pub question: Option<String>,
    pub answer: Option<String>,
    pub is_published: Option<bool>,
    /// Name and picture.
    pub creator: Option<(Option<String>, Option<String>)>,
}

impl QnaChange {
    /// The write that makes the change. It changes a row where the project has
    /// such a Q&A.
    pub fn update(self, project: ProjectSeq, id: QnaId, at: Timestamp) -> Batch {
        let (is_new, (name, image)) = (self.creator.is_some(), self.creator.unwrap_or_default());
        let change = Sql::new(
            "UPDATE qna SET question = coalesce(?3, question), answer = coalesce(?4, answer), \
                is_published = coalesce(?5, is_published), updated_at = ?9, \
                creator_name = iif(?6, ?7, creator_name), \
                creator_image = iif(?6, ?8, creator_image) \
              WHERE project_seq = ?1 AND id = ?2",
            [
                value(project.0),
                uuid(id.0),
                value(self.question),
                value(self.answer),
                value(self.is_published),
                value(is_new),
                value(name),
                value(image),
                value(at.0),
            ],
        );
        Batch::new()
            .run_expecting_change(change, Rejected::NotFound)
            .run(delete_passage(project, id))
            .run(insert_passage(project, id))
    }
}

/// The write that removes a Q&A. It changes a row where there is one.
pub fn delete(project: ProjectSeq, id: QnaId) -> Batch {
    // The passage goes with it: ON DELETE CASCADE.
    Batch::new().run_expecting_change(
        Sql::new(
            "DELETE FROM qna WHERE project_seq = ? AND id = ?",
            [project.into(), id.into()],
        ),
        Rejected::NotFound,
    )
}

/// Which published Q&As, and which page of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QnaQuery {
    /// None: all, newest first.
    pub search: Option<WebSearch>,
    pub limit: Limit,
    pub offset: Offset,
}

/// How many published Q&As match, on every page together.
pub fn count(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &QnaQuery,
) -> Result<u64, StoreError> {
    let counting = match &query.search {
        None => (COUNT, vec![]),
        Some(WebSearch::Matching(text)) => (COUNT_MATCHING, vec![value(text.clone())]),
        Some(WebSearch::Excluding(text)) => (COUNT_EXCLUDING, vec![value(text.clone())]),
        Some(WebSearch::NoTerms) => return Ok(0),
    };
    let (sql, values) = counting;
    let values = std::iter::once(value(project.0)).chain(values);
    let mut statement = snapshot.prepare(sql)?;
    let total: i64 = statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?;
    Ok(total.unsigned_abs())
}

const COUNT: &str = "SELECT count(*) FROM qna WHERE project_seq = ? AND is_published = 1";
const COUNT_MATCHING: &str = "SELECT count(*) FROM passage_text t JOIN passage p ON p.seq = t.rowid \
      WHERE p.project_seq = ? AND p.qna_seq IS NOT NULL AND passage_text MATCH ?";
const COUNT_EXCLUDING: &str = "SELECT count(*) FROM passage \
      WHERE project_seq = ? AND qna_seq IS NOT NULL \
        AND seq NOT IN (SELECT rowid FROM passage_text WHERE passage_text MATCH ?)";

/// Hands the published Q&As of a page, in order, to `each`: by rank where they
/// are searched for, else newest first.
pub fn for_each_on_page<E: From<StoreError>>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &QnaQuery,
    each: impl FnMut(&Qna) -> Result<(), E>,
) -> Result<(), E> {
    let (sql, text) = match &query.search {
        None => (PAGE, None),
        Some(WebSearch::Matching(text)) => (PAGE_MATCHING, Some(text)),
        Some(WebSearch::Excluding(text)) => (PAGE_EXCLUDING, Some(text)),
        Some(WebSearch::NoTerms) => return Ok(()),
    };
    let mut values = vec![value(project.0)];
    values.extend(text.map(|text| value(text.clone())));
    values.push(value(query.limit.get() as i64));
    values.push(value(query.offset.get() as i64));
    for_each_row(snapshot, sql, values, each)
}

/// What [`qna`] reads.
macro_rules! columns {
    () => {
        "SELECT q.id, q.created_at, q.updated_at, q.question, q.answer, q.creator_name, \
                q.creator_image, q.is_published FROM "
    };
}

const PAGE: &str = concat!(
    columns!(),
    "qna q WHERE q.project_seq = ? AND q.is_published = 1 \
      ORDER BY q.created_at DESC, q.id DESC LIMIT ? OFFSET ?"
);
const PAGE_MATCHING: &str = concat!(
    columns!(),
    "passage_text t JOIN passage p ON p.seq = t.rowid JOIN qna q ON q.seq = p.qna_seq \
      WHERE p.project_seq = ? AND passage_text MATCH ? \
      ORDER BY bm25(passage_text), q.created_at DESC, q.id DESC LIMIT ? OFFSET ?"
);
const PAGE_EXCLUDING: &str = concat!(
    columns!(),
    "passage p JOIN qna q ON q.seq = p.qna_seq WHERE p.project_seq = ? \
        AND p.seq NOT IN (SELECT rowid FROM passage_text WHERE passage_text MATCH ?) \
      ORDER BY q.created_at DESC, q.id DESC LIMIT ? OFFSET ?"
);
const ONE: &str = concat!(columns!(), "qna q WHERE q.project_seq = ? AND q.id = ?");
const ALL: &str = concat!(
    columns!(),
    "qna q WHERE q.project_seq = ? ORDER BY q.created_at, q.id"
);

fn for_each_row<E: From<StoreError>>(
    snapshot: &Snapshot,
    sql: &'static str,
    values: Vec<Value>,
    mut each: impl FnMut(&Qna) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = snapshot.prepare(sql)?;
    let rows = statement.query(rusqlite::params_from_iter(values));
    let mut rows = rows.map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        each(&qna(row).map_err(StoreError::from)?)?;
    }
    Ok(())
}

fn qna<'r>(row: &'r Row<'_>) -> rusqlite::Result<Qna<'r>> {
    Ok(Qna {
        id: QnaId(row.get(0)?),
        created_at: Timestamp(row.get(1)?),
        updated_at: Timestamp(row.get(2)?),
        question: row.get_ref(3)?.as_str()?,
        answer: row.get_ref(4)?.as_str()?,
        created_by: Author {
            name: row.get_ref(5)?.as_str_or_null()?,
            image: row.get_ref(6)?.as_str_or_null()?,
        },
    })
}

/// Hands a Q&A of the project to `read`, unpublished ones too if `all`.
pub fn with_qna<T>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: QnaId,
    all: bool,
    read: impl FnOnce(&Qna) -> T,
) -> Result<Option<T>, StoreError> {
    let mut statement = snapshot.prepare(ONE)?;
    let mut rows = statement.query((project.0, id.0))?;
    match rows.next()? {
        Some(row) if all || row.get(7)? => Ok(Some(read(&qna(row)?))),
        _ => Ok(None),
    }
}

/// A Q&A as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQna {
    pub id: QnaId,
    pub question: String,
    pub answer: String,
    pub is_published: bool,
}

/// A project's Q&As, oldest first, unpublished ones too.
pub fn list_all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<StoredQna>, StoreError> {
    let mut statement = snapshot.prepare(ALL)?;
    let stored = statement.query_map([project.0], |row| {
        Ok(StoredQna {
            id: QnaId(row.get(0)?),
            question: row.get(3)?,
            answer: row.get(4)?,
            is_published: row.get(7)?,
        })
    })?;
    Ok(stored.collect::<rusqlite::Result<_>>()?)
}
