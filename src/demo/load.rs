//! Writes generated conversations into a new file. One thread generates them
//! while this thread stores them.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::DemoPlan;
use super::generator::{GeneratedConversation, GeneratedVisitor, Generator};
use super::message::GeneratedMessage;
use super::phrases::DemoAgent;
use crate::domain::{
    ConversationId, ConversationSeq, Feedback, MessageId, MessageSeq, ProjectSeq, Role, Timestamp,
    VisitorId, VisitorSeq,
};
use crate::store::StoreError;
use crate::store::bulk_load::{
    BulkAgent, BulkConversation, BulkInserter, BulkMessage, BulkPage, BulkTitle, BulkVisitor,
    bulk_load,
};

/// Conversations that one message between the threads holds.
const BATCH_SIZE: usize = 500;
/// Batches that may wait to be stored.
const MAX_WAITING_BATCHES: usize = 4;

/// Fills the project with what the plan says. The file must have the project's
/// row and nothing else of the project. If this fails, the file is broken.
///
/// `progress` is called with the number of rows stored, the number of all rows
/// and the name of the phase.
pub fn fill(
    path: &Path,
    project: ProjectSeq,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<(), StoreError> {
    bulk_load(
        path,
        project,
        |inserter| {
            let generator = insert_conversations(inserter, plan, progress)?;
            for visitor in generator.visitors() {
                inserter.insert_visitor(&bulk_visitor(&visitor))?;
            }
            progress(1, 1, "visitors");
            Ok(())
        },
        |done, total| progress(done, total, "indexes"),
    )
}

/// Stores all conversations. Returns the generator, which has the visitors.
fn insert_conversations(
    inserter: &mut BulkInserter<'_>,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<Generator, StoreError> {
    let (sender, receiver) = sync_channel(MAX_WAITING_BATCHES);
    let mut generator = Generator::new(plan);
    thread::scope(|scope| {
        let generating = scope.spawn(move || {
            loop {
                let batch: Vec<_> = generator.by_ref().take(BATCH_SIZE).collect();
                // Sending fails when this thread could not store a batch.
                if batch.is_empty() || sender.send(batch).is_err() {
                    return generator;
                }
            }
        });
        let stored = insert_batches(inserter, plan, &receiver, progress);
        drop(receiver);
        let generator = generating
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        stored.map(|()| generator)
    })
}

fn insert_batches(
    inserter: &mut BulkInserter<'_>,
    plan: &DemoPlan,
    batches: &Receiver<Vec<GeneratedConversation>>,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<(), StoreError> {
    let mut done = 0;
    for batch in batches {
        for conversation in &batch {
            inserter.insert_conversation(&bulk_conversation(conversation))?;
            for message in &conversation.messages {
                inserter.insert_message(&bulk_message(conversation, message))?;
            }
        }
        done += batch.len() as u64;
        progress(done, plan.conversations.into(), "conversations");
    }
    Ok(())
}

fn bulk_conversation(conversation: &GeneratedConversation) -> BulkConversation<'_> {
    let closing = conversation.closing.as_ref();
    let title = conversation.title.as_ref();
    BulkConversation {
        seq: ConversationSeq(conversation.seq),
        id: ConversationId(conversation.id),
        visitor: VisitorSeq(conversation.visitor as i64 + 1),
        created_at: Timestamp(conversation.created_at),
        updated_at: Timestamp(conversation.updated_at),
        last_interaction_at: Timestamp(conversation.last_interaction_at),
        closed_at: closing.map(|closing| Timestamp(closing.at)),
        close_reason: closing.and_then(|closing| closing.reason),
        agent: conversation.agent.map(bulk_agent),
        title: title.map(|(text, key)| BulkTitle { text, key }),
        page_url: conversation.page_url.as_deref(),
        last_message: conversation
            .messages
            .last()
            .map(|message| MessageSeq(message.seq)),
    }
}

fn bulk_message<'a>(
    conversation: &GeneratedConversation,
    message: &'a GeneratedMessage,
) -> BulkMessage<'a> {
    let role = message.role.into();
    let agent = conversation.agent.filter(|_| role == Role::HumanAgent);
    let feedback = message.feedback.as_ref().map(|feedback| {
        let value = if feedback.is_like {
            Feedback::Like
        } else {
            Feedback::Dislike
        };
        (value, Timestamp(feedback.at))
    });
    BulkMessage {
        seq: MessageSeq(message.seq),
        id: MessageId(message.id),
        conversation: ConversationSeq(conversation.seq),
        created_at: Timestamp(message.created_at),
        role,
        text: &message.text,
        error: message.error,
        feedback,
        agent: agent.map(bulk_agent),
        page: message.page.as_ref().map(|page| BulkPage {
            url: &page.url,
            title: &page.title,
            selection: page.selection,
        }),
    }
}

fn bulk_agent(agent: &DemoAgent) -> BulkAgent<'_> {
    BulkAgent {
        name: agent.name,
        image: agent.image.as_deref(),
    }
}

fn bulk_visitor(visitor: &GeneratedVisitor) -> BulkVisitor<'_> {
    BulkVisitor {
        seq: VisitorSeq(visitor.seq),
        id: VisitorId(visitor.profile.id),
        sa_vid: &visitor.sa_vid,
        external_id: visitor.profile.external_id.as_deref(),
        name: visitor.profile.name.as_deref(),
        avatar_url: visitor.profile.avatar_url.as_deref(),
        created_at: Timestamp(visitor.created_at),
    }
}
