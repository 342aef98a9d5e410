//! Reads the messages of one conversation.

use std::collections::HashSet;

use super::objects::{ApiList, ApiMessage};
use super::{ApiImport, ApiImportError, parse, push};
use crate::domain::{ConversationId, MessageId};

/// The size of a page of messages. A page that is too large is read in smaller ones.
const PAGE_MESSAGES: usize = 1000;
const PAGE_DIVISOR: usize = 10;

/// The most messages of a conversation, and the most bytes of their pages. The import from
/// a server whose pages never end is ended.
const MAX_MESSAGES: usize = 1_000_000;
const MAX_BYTES: usize = 256 << 20;

impl ApiImport<'_> {
    /// Imports the messages of a conversation page by page, oldest first, until a page has
    /// no new ones or `last` is read. Reports a conversation whose messages are incomplete.
    pub(super) fn read_messages(
        &mut self,
        id: ConversationId,
        last: Option<MessageId>,
    ) -> Result<(), ApiImportError> {
        let path = format!("/conversations/{id}/messages");
        let mut read = HashSet::new();
        let mut bytes = 0;
        let mut limit = PAGE_MESSAGES;
        loop {
            let query = format!("limit={limit}&offset={}", read.len());
            let body = match self.client.get(&path, &query) {
                Err(ApiImportError::TooLarge(_)) if limit > 1 => {
                    limit = (limit / PAGE_DIVISOR).max(1);
                    continue;
                }
                Err(error @ ApiImportError::TooLarge(_)) => {
                    self.writer.refuse_conversation(id, error.to_string());
                    return Ok(());
                }
                body => body?,
            };
            bytes += body.len();
            let count = read.len();
            self.push_messages(id, &body, &mut read)?;
            if last.is_some_and(|last| read.contains(&last)) {
                return Ok(());
            }
            if read.len() == count {
                break;
            }
            if read.len() > MAX_MESSAGES || bytes > MAX_BYTES {
                let reason = format!("the messages of conversation {id} do not end");
                return Err(ApiImportError::Invalid(reason));
            }
        }
        if last.is_some() {
            let reason = "the server did not return its last message, so it is incomplete; \
                          run the same command again";
            self.writer.refuse_conversation(id, reason.to_owned());
        }
        Ok(())
    }

    /// Imports the messages of a page that are not in `read`.
    fn push_messages(
        &mut self,
        id: ConversationId,
        body: &[u8],
        read: &mut HashSet<MessageId>,
    ) -> Result<(), ApiImportError> {
        let page: ApiList<ApiMessage> = parse(body)?;
        for message in page.data {
            if read.insert(message.id) {
                let size = message.size();
                push(&mut self.writer, message.into_record(id).into(), size)?;
            }
        }
        Ok(())
    }
}
