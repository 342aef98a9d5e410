//! Q&As: questions with their answers. A published Q&A has a passage, through
//! which search finds it; every change replaces the passage.

#[cfg(test)]
mod postgres_tests;

use std::ops::ControlFlow;

use super::batch::Batch;
use super::error::StoreError;
use super::query::{RowQueue, select_rows};
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use super::statement_text::StatementText;
use super::websearch::{Expression, WebSearch};
use crate::domain::{Author, Limit, Offset, ProjectSeq, Qna, QnaId, Timestamp};

// ── Writes ──

/// A Q&A to store.
#[derive(Debug, Clone)]
pub struct NewQna {
    pub id: QnaId,
    pub project: ProjectSeq,
    pub question: String,
    pub answer: String,
    pub is_published: bool,
    pub creator_name: Option<String>,
    /// The URL of a picture.
    pub creator_image: Option<String>,
    pub at: Timestamp,
}

impl NewQna {
    /// Stores the Q&A, and its passage if it is published.
    pub fn create(&self) -> Batch {
        Batch::of([
            Sql::new(
                sql!(
                    "INSERT INTO qna (id, project_seq, question, answer, is_published, created_at, \
                                      updated_at, creator_name, creator_image) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)"
                ),
                [
                    self.id.into(),
                    self.project.into(),
                    self.question.as_str().into(),
                    self.answer.as_str().into(),
                    self.is_published.into(),
                    self.at.into(),
                    self.creator_name.as_deref().into(),
                    self.creator_image.as_deref().into(),
                ],
            ),
            insert_passage(self.project, self.id),
        ])
    }
}

/// Inserts the passage of a Q&A if the Q&A is published.
fn insert_passage(project: ProjectSeq, id: QnaId) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
             SELECT project_seq, seq, question, '', answer FROM qna \
              WHERE project_seq = ? AND id = ? AND is_published = 1"
        ),
        [project.into(), id.into()],
    )
}

fn delete_passage(project: ProjectSeq, id: QnaId) -> Sql {
    Sql::new(
        sql!(
            "DELETE FROM passage \
              WHERE qna_seq = (SELECT seq FROM qna WHERE project_seq = ? AND id = ?)"
        ),
        [project.into(), id.into()],
    )
}

/// The new values of a Q&A; `None` leaves a value unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QnaChange {
    pub question: Option<String>,
    pub answer: Option<String>,
    pub is_published: Option<bool>,
    /// Name and picture.
    pub creator: Option<(Option<String>, Option<String>)>,
}

impl QnaChange {
    /// Changes a Q&A.
    ///
    /// Rejected with [`Rejection::NotFound`] if the project has no such Q&A.
    pub fn update(self, project: ProjectSeq, id: QnaId, at: Timestamp) -> Batch {
        let has_creator = self.creator.is_some();
        let (name, image) = self.creator.unwrap_or_default();
        let update = Sql::new(
            sql!(
                "UPDATE qna SET question = coalesce(?3, question), answer = coalesce(?4, answer), \
                    is_published = coalesce(?5, is_published), updated_at = ?9, \
                    creator_name = CASE WHEN ?6 = 1 THEN ?7 ELSE creator_name END, \
                    creator_image = CASE WHEN ?6 = 1 THEN ?8 ELSE creator_image END \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [
                project.into(),
                id.into(),
                self.question.into(),
                self.answer.into(),
                self.is_published.into(),
                has_creator.into(),
                name.into(),
                image.into(),
                at.into(),
            ],
        );
        Batch::new()
            .run_expecting_change(update, Rejection::NotFound)
            .run(delete_passage(project, id))
            .run(insert_passage(project, id))
    }
}

/// Deletes a Q&A and, by a foreign key, its passage.
///
/// Rejected with [`Rejection::NotFound`] if the project has no such Q&A.
pub fn delete(project: ProjectSeq, id: QnaId) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("DELETE FROM qna WHERE project_seq = ? AND id = ?"),
            [project.into(), id.into()],
        ),
        Rejection::NotFound,
    )
}

// ── Reads ──

/// One page of the published Q&As.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QnaQuery {
    /// `None`: all Q&As.
    pub search: Option<WebSearch>,
    pub limit: Limit,
    pub offset: Offset,
}

/// The number of published Q&As that match, on all pages.
pub fn count(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &QnaQuery,
) -> Result<u64, StoreError> {
    let Some(search) = search_text(snapshot, project, query)? else {
        return Ok(0);
    };
    let sql = match search {
        SearchText::All => Sql::new(COUNT, [project.into()]),
        SearchText::Matching(text) => Sql::new(COUNT_MATCHING, [project.into(), text.into()]),
        SearchText::Excluding(text) => Sql::new(COUNT_EXCLUDING, [project.into(), text.into()]),
    };
    snapshot.one(&sql, |row| row.get(0))
}

/// What a search finds, with the expression in the language of the database.
enum SearchText {
    All,
    Matching(String),
    Excluding(String),
}

/// The search of a query. `None` if nothing is found, because it has no words.
fn search_text(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &QnaQuery,
) -> Result<Option<SearchText>, StoreError> {
    let text = |expression: &Expression| expression.text(snapshot, project);
    Ok(match &query.search {
        None => Some(SearchText::All),
        Some(WebSearch::Matching(expression)) => text(expression)?.map(SearchText::Matching),
        Some(WebSearch::Excluding(expression)) => text(expression)?.map(SearchText::Excluding),
        Some(WebSearch::NoTerms) => None,
    })
}

/// The published Q&As of a project. PostgreSQL finds the words with `passage_words`.
macro_rules! postgres_passages {
    () => {
        "FROM passage AS p JOIN qna AS q ON q.seq = p.qna_seq \
          WHERE p.project_seq = ?1 AND p.qna_seq IS NOT NULL AND "
    };
}

const COUNT: StatementText =
    sql!("SELECT count(*) FROM qna WHERE project_seq = ? AND is_published = 1");
const COUNT_MATCHING: StatementText = sql!(
    sqlite: "SELECT count(*) FROM passage_text t JOIN passage p ON p.seq = t.rowid \
              WHERE p.project_seq = ? AND p.qna_seq IS NOT NULL AND passage_text MATCH ?",
    postgres: concat!(
        "SELECT count(*) ",
        postgres_passages!(),
        "search_words(p.project_seq, p.title) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY)"
    ),
);
const COUNT_EXCLUDING: StatementText = sql!(
    sqlite: "SELECT count(*) FROM passage \
              WHERE project_seq = ? AND qna_seq IS NOT NULL \
                AND seq NOT IN (SELECT rowid FROM passage_text WHERE passage_text MATCH ?)",
    postgres: concat!(
        "SELECT count(*) ",
        postgres_passages!(),
        "NOT search_words(p.project_seq, p.title) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY)"
    ),
);

/// The published Q&As of one page: the best match first if there is a search, else the
/// newest first.
pub fn page_rows(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &QnaQuery,
) -> Result<QnaRows, StoreError> {
    let Some(search) = search_text(snapshot, project, query)? else {
        return Ok(QnaRows(RowQueue::new(Vec::new())));
    };
    let project = project.into();
    let limit = (query.limit.get() as i64).into();
    let offset = (query.offset.get() as i64).into();
    let sql = match search {
        SearchText::All => Sql::new(PAGE, [project, limit, offset]),
        SearchText::Matching(text) => {
            Sql::new(PAGE_MATCHING, [project, text.into(), limit, offset])
        }
        SearchText::Excluding(text) => {
            Sql::new(PAGE_EXCLUDING, [project, text.into(), limit, offset])
        }
    };
    let seqs = snapshot.all(&sql, |row| row.get(0))?;
    Ok(QnaRows(RowQueue::new(seqs)))
}

/// The Q&As of a page, which can be read in several snapshots. A Q&A that is deleted or
/// unpublished before it is read is missing.
#[derive(Debug, Clone)]
pub struct QnaRows(RowQueue);

impl QnaRows {
    /// Calls `each` with the next Q&As until it breaks. Returns whether no Q&A remains.
    pub fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        mut each: impl FnMut(&Qna) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        self.0
            .read(snapshot, PUBLISHED, |row| each(&qna_from_row(row)?))
    }
}

/// The columns that [`qna_from_row`] and [`stored_from_row`] read.
macro_rules! select_columns {
    () => {
        "SELECT q.id, q.created_at, q.updated_at, q.question, q.answer, q.creator_name, \
                q.creator_image, q.is_published, q.seq FROM "
    };
}

const PAGE: StatementText = sql!(
    "SELECT seq FROM qna WHERE project_seq = ? AND is_published = 1 \
ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
);
// 2: the rank is divided by the number of words, as a short question matches better.
const PAGE_MATCHING: StatementText = sql!(
    sqlite: "SELECT q.seq FROM passage_text t JOIN passage p ON p.seq = t.rowid JOIN qna q ON q.seq = p.qna_seq \
              WHERE p.project_seq = ? AND passage_text MATCH ? \
              ORDER BY bm25(passage_text), q.created_at DESC, q.id DESC LIMIT ? OFFSET ?",
    postgres: concat!(
        "SELECT q.seq ",
        postgres_passages!(),
        "search_words(p.project_seq, p.title) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY) \
          ORDER BY ts_rank(search_words(p.project_seq, p.title), CAST(CAST(?2 AS TEXT) AS TSQUERY), 2) DESC, \
                   q.created_at DESC, q.id DESC LIMIT ?3 OFFSET ?4"
    ),
);
const PAGE_EXCLUDING: StatementText = sql!(
    sqlite: "SELECT q.seq FROM passage p JOIN qna q ON q.seq = p.qna_seq WHERE p.project_seq = ? \
                AND p.seq NOT IN (SELECT rowid FROM passage_text WHERE passage_text MATCH ?) \
              ORDER BY q.created_at DESC, q.id DESC LIMIT ? OFFSET ?",
    postgres: concat!(
        "SELECT q.seq ",
        postgres_passages!(),
        "NOT search_words(p.project_seq, p.title) @@ CAST(CAST(?2 AS TEXT) AS TSQUERY) \
          ORDER BY q.created_at DESC, q.id DESC LIMIT ?3 OFFSET ?4"
    ),
);
const PUBLISHED: StatementText = select_rows!(
    concat!(select_columns!(), "qna AS q WHERE q.is_published = 1 AND"),
    "q.seq"
);
const BY_ID: StatementText = sql!(concat!(
    select_columns!(),
    "qna q WHERE q.project_seq = ? AND q.id = ?"
));
const ALL: StatementText = sql!(concat!(
    select_columns!(),
    "qna q WHERE q.project_seq = ? ORDER BY q.created_at, q.id"
));

fn qna_from_row(row: Row<'_>) -> Result<Qna<'_>, StoreError> {
    Ok(Qna {
        id: row.get(0)?,
        created_at: row.get(1)?,
        updated_at: row.get(2)?,
        question: row.get(3)?,
        answer: row.get(4)?,
        created_by: Author {
            name: row.get(5)?,
            image: row.get(6)?,
        },
    })
}

/// What `read` makes of a Q&A of the project; `None` if it does not exist, or if
/// it is unpublished and `include_unpublished` is false.
pub fn with_qna<T>(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: QnaId,
    include_unpublished: bool,
    read: impl FnOnce(&Qna) -> T,
) -> Result<Option<T>, StoreError> {
    let sql = Sql::new(BY_ID, [project.into(), id.into()]);
    let found = snapshot.optional(&sql, |row| {
        let is_visible = include_unpublished || row.get(7)?;
        Ok(if is_visible {
            Some(read(&qna_from_row(row)?))
        } else {
            None
        })
    })?;
    Ok(found.flatten())
}

/// A Q&A with its state, without its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQna {
    pub id: QnaId,
    pub question: String,
    pub answer: String,
    pub is_published: bool,
}

/// All Q&As of a project, including unpublished ones, the oldest first.
pub fn list_all(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<StoredQna>, StoreError> {
    let sql = Sql::new(ALL, [project.into()]);
    snapshot.all(&sql, stored_from_row)
}

fn stored_from_row(row: Row<'_>) -> Result<StoredQna, StoreError> {
    Ok(StoredQna {
        id: row.get(0)?,
        question: row.get(3)?,
        answer: row.get(4)?,
        is_published: row.get(7)?,
    })
}
