//! Reads what a visitor may read: the visitor, the list, and the messages of each
//! conversation.

use std::collections::HashSet;

use super::objects::{ApiConversation, ApiList, ApiVisitor};
use super::{ApiImport, ApiImportError, RECORD_BYTES, parse, push};
use crate::domain::VisitorId;

/// The size of a page of conversations.
const PAGE_CONVERSATIONS: usize = 100;

/// The most conversations of a visitor. The import from a server whose pages never end is
/// ended.
const MAX_CONVERSATIONS: usize = 100_000;

impl ApiImport<'_> {
    /// Reads pages of conversations until one is empty or as many are read as the server
    /// counts.
    pub(super) fn read_lists(&mut self) -> Result<(), ApiImportError> {
        let me: ApiVisitor = parse(&self.client.get("/identity/me", "")?)?;
        let visitor = me.id();
        let mut me = Some(me);
        let mut read = HashSet::new();
        loop {
            let offset = read.len();
            let query = format!(
                "limit={PAGE_CONVERSATIONS}&offset={offset}&orderBy=createdAt&orderDir=asc"
            );
            let page: ApiList<ApiConversation> =
                parse(&self.client.get("/conversations", &query)?)?;
            let total = page.total;
            if page.data.is_empty() {
                return expect_total(total, offset);
            }
            for conversation in page.data {
                self.monitor
                    .progress(read.len() as u64, total.unwrap_or(0), "importing");
                if let Some(me) = me.take()
                    && !self.writer.is_visitor_stored(self.project, visitor)?
                {
                    let record = me.to_record(self.project, conversation.created_at());
                    push(&mut self.writer, record.into(), RECORD_BYTES)?;
                }
                if read.insert(conversation.id) {
                    self.read_conversation(&conversation, visitor)?;
                }
            }
            if read.len() == offset || read.len() > MAX_CONVERSATIONS {
                return Err(ApiImportError::Invalid("the list does not end".to_owned()));
            }
            if total.is_some_and(|total| read.len() as u64 >= total) {
                return Ok(());
            }
        }
    }

    fn read_conversation(
        &mut self,
        conversation: &ApiConversation,
        visitor: VisitorId,
    ) -> Result<(), ApiImportError> {
        self.check_cancelled()?;
        let record = conversation.to_record(self.project, visitor);
        let last = conversation.last_message.as_ref().map(|message| message.id);
        if self.writer.skip_stored(&record, last)? {
            return Ok(());
        }
        if !push(&mut self.writer, record.into(), RECORD_BYTES)? {
            return Ok(());
        }
        self.read_messages(conversation.id, last)
    }

    fn check_cancelled(&self) -> Result<(), ApiImportError> {
        if self.monitor.is_cancelled() {
            return Err(ApiImportError::Cancelled);
        }
        Ok(())
    }
}

/// Compares the number of conversations after the last page.
fn expect_total(total: Option<u64>, read: usize) -> Result<(), ApiImportError> {
    match total {
        Some(total) if total > read as u64 => Err(ApiImportError::Incomplete(format!(
            "the server counts {total} conversations, but lists {read}"
        ))),
        _ => Ok(()),
    }
}
