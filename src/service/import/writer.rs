//! Stores records in batches, and compares each with what is stored.

use std::collections::HashSet;
use std::fmt;
use std::thread;
use std::time::Duration;

use super::plan::{Decision, ImportedConversation, Plan};
use super::target::ImportTarget;
use crate::domain::{ConversationId, MessageId, ProjectId, VisitorId};
use crate::store::export::{ConversationRecord, Record, RecordCounts, RecordKind};
use crate::store::import::{self, Comparison, is_contradiction};
use crate::store::{OpenError, Snapshot, Store, StoreError};

/// The size from which the waiting records are stored. A batch holds the lock of the
/// file for some milliseconds, in which a server that uses the file cannot write.
const BATCH_RECORDS: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

/// The messages of a conversation become visible together, unless they are more than
/// this number of batches.
const MAX_BATCHES_PER_CONVERSATION: usize = 8;

/// Attempts while the file is locked by another process, and the time between them.
const MAX_ATTEMPTS: u32 = 5;
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportSummary {
    pub imported: RecordCounts,
    /// Records that were stored before.
    pub unchanged: RecordCounts,
    /// Records that contradict what is stored.
    pub refused: RecordCounts,
    /// Webhooks that have a new secret, because the file has none.
    pub new_webhook_secrets: usize,
}

/// A record that was not imported.
#[derive(Debug)]
pub struct RefusedRecord {
    /// The number of its line. 0: it is not from a file.
    pub line: u64,
    pub kind: RecordKind,
    pub id: String,
    pub reason: String,
}

impl fmt::Display for RefusedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "{} {}: {}", self.kind.name(), self.id, self.reason)
    }
}

/// Why records could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores records. Drop it after [`RecordWriter::flush`].
pub struct RecordWriter<'a> {
    target: &'a dyn ImportTarget,
    report: &'a mut dyn FnMut(&RefusedRecord),
    waiting: Vec<WaitingRecord>,
    waiting_bytes: usize,
    /// The conversation to which the next messages belong.
    conversation: Option<ImportedConversation>,
    /// The projects that were imported before the records that wait.
    new_projects: HashSet<ProjectId>,
    pub summary: ImportSummary,
}

struct WaitingRecord {
    line: u64,
    record: Record,
}

impl<'a> RecordWriter<'a> {
    pub fn new(target: &'a dyn ImportTarget, report: &'a mut dyn FnMut(&RefusedRecord)) -> Self {
        Self {
            target,
            report,
            waiting: Vec::new(),
            waiting_bytes: 0,
            conversation: None,
            new_projects: HashSet::new(),
            summary: ImportSummary::default(),
        }
    }

    /// Takes a record, which has about `bytes` bytes. It is stored at the latest by
    /// [`RecordWriter::flush`].
    ///
    /// # Errors
    /// The database fails.
    pub fn push(&mut self, line: u64, bytes: usize, record: Record) -> Result<(), WriteError> {
        let kind = record.kind();
        let before = self.waiting.last().map(|waiting| waiting.record.kind());
        let is_full = self.waiting.len() >= BATCH_RECORDS || self.waiting_bytes >= BATCH_BYTES;
        let is_over_full = self.waiting.len() >= MAX_BATCHES_PER_CONVERSATION * BATCH_RECORDS
            || self.waiting_bytes >= MAX_BATCHES_PER_CONVERSATION * BATCH_BYTES;
        // Records of one kind do not refer to each other, except those of conversations.
        let is_other_kind = before.is_some_and(|before| group(before) != group(kind));
        if is_other_kind || is_over_full || (is_full && !is_part(kind)) {
            self.flush()?;
        }
        self.waiting.push(WaitingRecord { line, record });
        self.waiting_bytes += bytes;
        Ok(())
    }

    /// Stores the records that wait.
    ///
    /// # Errors
    /// The database fails, or a new file cannot be created.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        let records = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let Some(store) = self.store_for(&records)? else {
            let reason = "the records that it refers to are not stored";
            let refuse = |_: &_| Decision::Refuse(reason.to_owned());
            self.apply(&records, records.iter().map(refuse).collect());
            return Ok(());
        };
        let result = match self.store_together(store, &records, !self.new_projects.is_empty()) {
            Err(error) if is_contradiction(&error) => self.store_together(store, &records, false),
            result => result,
        };
        match result {
            // Two records of the batch contradict each other, or another process has
            // written meanwhile.
            Err(error) if is_contradiction(&error) => records
                .chunks(1)
                .try_for_each(|record| self.store_alone(store, record))?,
            result => result?,
        }
        Ok(())
    }

    /// Gives the webhooks that were imported without a secret a new one.
    ///
    /// # Errors
    /// The database fails.
    pub fn create_webhook_secrets(&mut self) -> Result<(), WriteError> {
        if let Some(store) = self.target.get() {
            let output = store.write_blocking(import::create_webhook_secrets())?;
            self.summary.new_webhook_secrets = import::count_created_secrets(&output);
        }
        Ok(())
    }

    /// The file for records. None: the file is not created, and without other records
    /// none of these can be stored.
    fn store_for(&self, records: &[WaitingRecord]) -> Result<Option<&'a Store>, OpenError> {
        let is_independent = |kind| matches!(kind, RecordKind::Project | RecordKind::Secret);
        let mut kinds = records.iter().map(|waiting| waiting.record.kind());
        if self.target.get().is_none() && !kinds.any(is_independent) {
            return Ok(None);
        }
        self.target.open().map(Some)
    }

    /// Counts a conversation as unchanged if it is stored with the same values, and if
    /// `last` is its newest message. Returns false otherwise.
    pub fn skip_stored(
        &mut self,
        record: &ConversationRecord,
        last: Option<MessageId>,
    ) -> Result<bool, WriteError> {
        let is_stored = self.target.open()?.read_blocking(|snapshot| {
            let stored = import::compare(snapshot, &record.clone().into())?;
            let newest = import::last_message(snapshot, record.project_id, record.id)?;
            Ok::<_, StoreError>(stored == Comparison::Stored && newest == last)
        })?;
        if is_stored {
            self.summary.unchanged.add(RecordKind::Conversation, 1);
        }
        Ok(is_stored)
    }

    /// Whether a project has a visitor. Records that wait are not considered.
    pub fn is_visitor_stored(
        &self,
        project: ProjectId,
        visitor: VisitorId,
    ) -> Result<bool, WriteError> {
        let read = |snapshot: &Snapshot| import::is_visitor_stored(snapshot, project, visitor);
        Ok(self.target.open()?.read_blocking(read)?)
    }

    /// Reports a record that cannot be imported.
    pub fn refuse(&mut self, record: Record, reason: String) {
        let record = [WaitingRecord { line: 0, record }];
        self.apply(&record, vec![Decision::Refuse(reason)]);
    }

    /// Reports a conversation whose messages cannot be read.
    pub fn refuse_conversation(&mut self, id: ConversationId, reason: String) {
        let kind = RecordKind::Conversation;
        (self.report)(&RefusedRecord {
            line: 0,
            kind,
            id: id.to_string(),
            reason,
        });
        self.summary.refused.add(kind, 1);
    }

    fn store_alone(&mut self, store: &Store, record: &[WaitingRecord]) -> Result<(), StoreError> {
        match self.store_together(store, record, false) {
            Err(error) if is_contradiction(&error) => {
                let reason = "it contradicts another record, or a record that it refers to is gone";
                if let [
                    WaitingRecord {
                        record: Record::Conversation(conversation),
                        ..
                    },
                ] = record
                {
                    self.conversation = Some(ImportedConversation::refused(conversation));
                }
                self.apply(record, vec![Decision::Refuse(reason.to_owned())]);
                Ok(())
            }
            result => result,
        }
    }

    /// Stores records in one transaction. If `skips_new`, the records of new projects are
    /// not compared with what is stored.
    fn store_together(
        &mut self,
        store: &Store,
        records: &[WaitingRecord],
        skips_new: bool,
    ) -> Result<(), StoreError> {
        let mut attempt = 1;
        loop {
            let result = self.try_store(store, records, skips_new);
            let is_temporary = matches!(result, Err(StoreError::Busy | StoreError::Unknown(_)));
            if !is_temporary || attempt == MAX_ATTEMPTS {
                return result;
            }
            attempt += 1;
            thread::sleep(RETRY_INTERVAL);
        }
    }

    fn try_store(
        &mut self,
        store: &Store,
        records: &[WaitingRecord],
        skips_new: bool,
    ) -> Result<(), StoreError> {
        let none = HashSet::new();
        let new_projects = if skips_new { &self.new_projects } else { &none };
        let plan = store.read_blocking(|snapshot| {
            let mut plan = Plan::new(snapshot, self.conversation.clone(), new_projects);
            records
                .iter()
                .try_for_each(|waiting| plan.add(&waiting.record))?;
            Ok::<_, StoreError>(plan.finish())
        })?;
        let (batch, decisions, conversation) = plan;
        if !batch.is_empty() {
            store.write_blocking(batch)?;
        }
        self.conversation = conversation;
        self.apply(records, decisions);
        Ok(())
    }

    fn apply(&mut self, records: &[WaitingRecord], decisions: Vec<Decision>) {
        for (waiting, decision) in records.iter().zip(decisions) {
            let kind = waiting.record.kind();
            let counts = match decision {
                Decision::Import => {
                    if let Record::Project(project) = &waiting.record {
                        self.new_projects.insert(project.id);
                    }
                    &mut self.summary.imported
                }
                Decision::Unchanged => &mut self.summary.unchanged,
                Decision::Skip => &mut self.summary.refused,
                Decision::Refuse(reason) => {
                    (self.report)(&RefusedRecord {
                        line: waiting.line,
                        kind,
                        id: id(&waiting.record),
                        reason,
                    });
                    &mut self.summary.refused
                }
            };
            counts.add(kind, 1);
        }
    }
}

/// Kinds whose records may share a batch have the same group.
fn group(kind: RecordKind) -> RecordKind {
    if is_part(kind) {
        RecordKind::Conversation
    } else {
        kind
    }
}

/// Whether records of a kind follow the conversation to which they belong.
fn is_part(kind: RecordKind) -> bool {
    matches!(
        kind,
        RecordKind::Message | RecordKind::Note | RecordKind::Refusal
    )
}

/// The id of a record, for the operator.
fn id(record: &Record) -> String {
    match record {
        Record::Project(record) => record.id.to_string(),
        Record::Assistant(record) => record.id.to_string(),
        Record::Key(record) => record.id.to_string(),
        Record::Agent(record) => record.id.to_string(),
        Record::Secret(record) => record.name.chars().take(40).collect(),
        Record::Usage(record) => format!("of project {}", record.project_id),
        Record::Qna(record) => record.id.to_string(),
        Record::Document(record) => record.id.to_string(),
        Record::Source(record) => record.id.to_string(),
        Record::SavedReply(record) => record.id.to_string(),
        Record::Visitor(record) => record.id.to_string(),
        Record::Session(record) => record.id.to_string(),
        Record::Conversation(record) => record.id.to_string(),
        Record::Message(record) => record.id.to_string(),
        Record::Note(record) => record.id.to_string(),
        Record::Refusal(record) => record.message_id.to_string(),
    }
}
