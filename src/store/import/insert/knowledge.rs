//! Inserts what assistants and agents answer with.

use super::expecting_references;
use crate::store::batch::Batch;
use crate::store::export::{DocumentRecord, QnaRecord, SavedReplyRecord, SourceRecord};
use crate::store::sql::Sql;

pub(super) fn insert_source(source: &SourceRecord) -> Sql {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let problems = serde_json::to_string(&source.problems).unwrap_or_else(|_| "[]".to_owned());
    Sql::new(
        sql!(
            "INSERT INTO source (project_seq, id, location, kind, started_at, finished_at, documents, \
                                 error, problems, skipped, removed, interval_s) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM project WHERE id = ?1"
        ),
        [
            source.project_id.into(),
            source.id.into(),
            source.location.as_str().into(),
            source.kind.as_str().into(),
            source.started_at.into(),
            source.finished_at.into(),
            count(source.documents).into(),
            source.error.as_deref().into(),
            problems.into(),
            count(source.skipped).into(),
            count(source.removed).into(),
            source.interval_seconds.map(i64::from).into(),
        ],
    )
}

pub(super) fn insert_saved_reply(reply: &SavedReplyRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO saved_reply (project_seq, id, name, text, created_at, updated_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6 FROM project WHERE id = ?1"
        ),
        [
            reply.project_id.into(),
            reply.id.into(),
            reply.name.as_str().into(),
            reply.text.as_str().into(),
            reply.created_at.into(),
            reply.updated_at.into(),
        ],
    )
}

/// Inserts a Q&A, and its passage if it is published.
pub(super) fn insert_qna(qna: &QnaRecord) -> Batch {
    let insert = Sql::new(
        sql!(
            "INSERT INTO qna (project_seq, id, question, answer, is_published, created_at, \
                              updated_at, creator_name, creator_image) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM project WHERE id = ?1"
        ),
        [
            qna.project_id.into(),
            qna.id.into(),
            qna.question.as_str().into(),
            qna.answer.as_str().into(),
            qna.is_published.into(),
            qna.created_at.into(),
            qna.updated_at.into(),
            qna.creator_name.as_deref().into(),
            qna.creator_image.as_deref().into(),
        ],
    );
    expecting_references(insert).run(Sql::new(
        sql!(
            "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
             SELECT project_seq, seq, question, '', answer FROM qna WHERE id = ? AND is_published = 1"
        ),
        [qna.id.into()],
    ))
}

pub(super) fn insert_document(document: &DocumentRecord) -> Batch {
    let insert = Sql::new(
        sql!(
            "INSERT INTO document (project_seq, id, url, title, hash, source, learned_at, description) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM project WHERE id = ?1"
        ),
        [
            document.project_id.into(),
            document.id.into(),
            document.url.as_str().into(),
            document.title.as_str().into(),
            document.hash.0.into(),
            document.source.as_str().into(),
            document.learned_at.into(),
            document.description.as_str().into(),
        ],
    );
    let passages = document.passages.iter().map(|passage| {
        Sql::new(
            sql!(
                "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
                 SELECT project_seq, seq, title, ?2, ?3 FROM document WHERE id = ?1"
            ),
            [
                document.id.into(),
                passage.heading.as_str().into(),
                passage.body.as_str().into(),
            ],
        )
    });
    passages.fold(expecting_references(insert), Batch::run)
}
