//! Imports Q&As into a project: adds new ones and changes those whose question
//! the project already has.

use std::collections::{HashMap, VecDeque};

use crate::domain::{ProjectSeq, QnaId, Timestamp};
use crate::store::qna::{self, NewQna, QnaChange, StoredQna};
use crate::store::{Batch, Rejection, Store, StoreError};

/// Attempts of an import while another process deletes Q&As that it changes.
const MAX_ATTEMPTS: usize = 4;

/// A Q&A to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedQna {
    pub question: String,
    pub answer: String,
    pub is_published: bool,
}

/// The counts of an import.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct QnaImportSummary {
    pub new: usize,
    pub changed: usize,
    pub unchanged: usize,
}

impl QnaImportSummary {
    pub fn total(&self) -> usize {
        self.new + self.changed + self.unchanged
    }
}

/// Imports all Q&As in one write. If the project has a question several times,
/// its n-th occurrence in `imported` changes the n-th stored one.
///
/// # Errors
/// The database fails; nothing is imported then.
pub fn import(
    store: &Store,
    project: ProjectSeq,
    imported: &[ImportedQna],
) -> Result<QnaImportSummary, StoreError> {
    let mut attempts = 1;
    loop {
        let stored = stored_by_question(store, project)?;
        let (batch, summary) = plan_import(project, stored, imported);
        match store.write_blocking(batch) {
            Err(StoreError::Rejected(Rejection::NotFound)) if attempts < MAX_ATTEMPTS => {
                attempts += 1;
            }
            result => return result.map(|_| summary),
        }
    }
}

type QnasByQuestion = HashMap<String, VecDeque<StoredQna>>;

/// The write of an import, and its counts.
fn plan_import(
    project: ProjectSeq,
    mut stored: QnasByQuestion,
    imported: &[ImportedQna],
) -> (Batch, QnaImportSummary) {
    let now = Timestamp::now();
    let mut batch = Batch::default();
    let mut summary = QnaImportSummary::default();
    for qna in imported.iter().cloned() {
        let same_question = stored.get_mut(&qna.question);
        match same_question.and_then(VecDeque::pop_front) {
            Some(stored) if qna.equals(&stored) => summary.unchanged += 1,
            Some(stored) => {
                summary.changed += 1;
                batch = batch.then(qna.into_change().update(project, stored.id, now));
            }
            None => {
                summary.new += 1;
                batch = batch.then(qna.into_new(project, now).create());
            }
        }
    }
    (batch, summary)
}

/// The Q&As of a project by question, those of one question oldest first.
fn stored_by_question(store: &Store, project: ProjectSeq) -> Result<QnasByQuestion, StoreError> {
    let stored = store.read_blocking(|snapshot| qna::list_all(snapshot, project))?;
    let mut by_question = QnasByQuestion::new();
    for qna in stored {
        let same_question = by_question.entry(qna.question.clone()).or_default();
        same_question.push_back(qna);
    }
    Ok(by_question)
}

impl ImportedQna {
    fn equals(&self, stored: &StoredQna) -> bool {
        self.question == stored.question
            && self.answer == stored.answer
            && self.is_published == stored.is_published
    }

    fn into_change(self) -> QnaChange {
        QnaChange {
            answer: Some(self.answer),
            is_published: Some(self.is_published),
            ..QnaChange::default()
        }
    }

    pub(super) fn into_new(self, project: ProjectSeq, now: Timestamp) -> NewQna {
        NewQna {
            id: QnaId::generate(),
            project,
            question: self.question,
            answer: self.answer,
            is_published: self.is_published,
            creator_name: None,
            creator_image: None,
            at: now,
        }
    }
}
