//! Writes generated conversations into a new database. One thread generates them
//! while this thread stores them.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use uuid::Uuid;

use super::database::demo_uuid;
use super::generator::{GeneratedConversation, GeneratedVisitor, Generator};
use super::message::GeneratedMessage;
use super::phrases::DemoAgent;
use super::scenes::SAVED_REPLIES;
use super::timeline::{DAY, SECOND};
use super::{DemoPlan, help_center};
use crate::domain::{
    ConversationId, ConversationSeq, Feedback, MessageId, MessageSeq, NoteId, ProjectSeq, Role,
    SavedReplyId, SourceId, Timestamp, VisitorId, VisitorSeq,
};
use crate::store::bulk_load::{
    BulkAgent, BulkConversation, BulkInserter, BulkLoad, BulkMessage, BulkNote, BulkPage,
    BulkRefusal, BulkSavedReply, BulkSource, BulkTitle, BulkVisitor, LoadError, bulk_load,
};
use crate::store::{Batch, StoreError, StoreLocation};

/// The first id of the saved replies.
const FIRST_SAVED_REPLY_ID: u128 = demo_uuid(100).as_u128();

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
) -> Result<(), LoadError> {
    let rows = BulkLoad {
        project,
        first: Batch::default(),
        last: Batch::default(),
    };
    load(&StoreLocation::File(path.to_owned()), rows, plan, progress)
}

/// Stores what the plan says, and the batches of `load`.
pub(super) fn load(
    location: &StoreLocation,
    load: BulkLoad,
    plan: &DemoPlan,
    progress: &dyn Fn(u64, u64, &str),
) -> Result<(), LoadError> {
    bulk_load(
        location,
        load,
        |inserter| {
            let generator = insert_conversations(inserter, plan, progress)?;
            for visitor in generator.visitors() {
                inserter.insert_visitor(&bulk_visitor(&visitor))?;
            }
            progress(1, 1, "visitors");
            insert_saved_replies(inserter, plan)?;
            insert_source(inserter, plan)
        },
        |done, total| progress(done, total, "indexes"),
    )
}

fn insert_saved_replies(
    inserter: &mut BulkInserter<'_>,
    plan: &DemoPlan,
) -> Result<(), StoreError> {
    for ((name, text), id) in SAVED_REPLIES.into_iter().zip(FIRST_SAVED_REPLY_ID..) {
        inserter.insert_saved_reply(&BulkSavedReply {
            id: SavedReplyId(Uuid::from_u128(id)),
            name,
            text,
            at: Timestamp(plan.end.0 - 30 * DAY),
        })?;
    }
    Ok(())
}

/// The help centre, as if it was learned from the website.
fn insert_source(inserter: &mut BulkInserter<'_>, plan: &DemoPlan) -> Result<(), StoreError> {
    let learned_at = help_center::learned_at(plan);
    inserter.insert_source(&BulkSource {
        id: SourceId(demo_uuid(8)),
        location: help_center::LOCATION,
        started_at: Timestamp(learned_at.0 - 14 * SECOND),
        finished_at: learned_at,
        documents: help_center::page_count(),
    })
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
            insert_staff_rows(inserter, conversation)?;
        }
        done += batch.len() as u64;
        progress(done, plan.conversations.into(), "conversations");
    }
    Ok(())
}

/// Stores what only agents see. Most conversations have nothing of it.
fn insert_staff_rows(
    inserter: &mut BulkInserter<'_>,
    conversation: &GeneratedConversation,
) -> Result<(), StoreError> {
    for refusal in &conversation.refusals {
        inserter.insert_refusal(&BulkRefusal {
            answer: MessageSeq(refusal.answer),
            question: MessageSeq(refusal.question),
            at: Timestamp(refusal.at),
        })?;
    }
    for note in &conversation.notes {
        inserter.insert_note(&BulkNote {
            id: NoteId(note.id),
            conversation: ConversationSeq(conversation.seq),
            author: note.author.id,
            author_name: note.author.name,
            text: note.text,
            at: Timestamp(note.at),
        })?;
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
        waiting: conversation
            .waiting
            .map(|(since, reason)| (Timestamp(since), reason)),
        waited_ms: conversation.waited,
        read_message: conversation.read_message.map(MessageSeq),
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
        id: agent.account,
        name: agent.name,
    }
}

fn bulk_visitor(visitor: &GeneratedVisitor) -> BulkVisitor<'_> {
    BulkVisitor {
        seq: VisitorSeq(visitor.seq),
        id: VisitorId(visitor.profile.id),
        sa_vid: &visitor.sa_vid,
        external_id: visitor.profile.external_id.as_deref(),
        name: visitor.profile.name.as_deref(),
        email: visitor.profile.contact.email.as_deref(),
        phone: visitor.profile.contact.phone,
        is_verified: visitor.profile.is_verified,
        created_at: Timestamp(visitor.created_at),
    }
}
