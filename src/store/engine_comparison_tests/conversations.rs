//! Conversations, their messages and what belongs to them.

use super::Pair;
use super::pair::PROJECT;
use crate::domain::{
    AgentProfile, Assignee, Audience, ConversationId, ConversationSeq, Feedback, Limit,
    MessageContent, MessageId, Note, NoteId, Offset, Timestamp, VisitorSeq, WaitingReason,
};
use crate::store::answer::{
    self, AnswerEnd, AnswerTarget, MessageContext, NewAnswer, NewAnswerContent, VisitorMessage,
};
use crate::store::batch::Batch;
use crate::store::erasure::Deletion;
use crate::store::error::StoreError;
use crate::store::export;
use crate::store::idempotency::{self, IdempotentRequest, SavedBody, SavedResponse};
use crate::store::lease::{self, Lease};
use crate::store::message::{self, MessageCursor, MessageFilter};
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::waiting::WaitingContext;
use crate::store::{
    agent, conversation, conversation_state, live_event, note, project, statistics, unanswered,
    usage, waiting,
};

const VISITOR: VisitorSeq = VisitorSeq(1);

fn content(text: &str) -> MessageContent {
    MessageContent::parse(text).expect("a message")
}

fn question(text: &str) -> VisitorMessage {
    VisitorMessage {
        id: MessageId::generate(),
        content: content(text),
        page_url: Some("https://shop.example/cart".to_owned()),
        page_title: None,
        text_selection: None,
    }
}

/// A conversation in both stores.
struct Chat<'p> {
    pair: &'p Pair,
    seq: ConversationSeq,
    id: ConversationId,
}

impl Chat<'_> {
    fn context(&self, at: i64) -> MessageContext {
        MessageContext {
            conversation: self.seq,
            project: PROJECT,
            at: Timestamp(at),
        }
    }

    /// Asks a question. The answer is being streamed.
    fn ask(&self, lease: Lease, text: &str, at: i64) -> MessageId {
        let target = AnswerTarget::NewQuestion(Box::new(question(text)));
        self.stream(lease, &target, at)
    }

    fn stream(&self, lease: Lease, target: &AnswerTarget, at: i64) -> MessageId {
        let answer = NewAnswer {
            id: MessageId::generate(),
            content: NewAnswerContent::Streaming(lease),
        };
        self.pair
            .write(self.context(at).add_answer(target, &answer));
        answer.id
    }

    fn finish(&self, answer: MessageId, text: &str, end: &AnswerEnd, at: i64) {
        let batch = answer::finish_answer(self.seq, answer, text.to_owned(), end, Timestamp(at));
        self.pair.write(batch);
    }

    fn messages(&self, filter: MessageFilter) -> Vec<String> {
        self.pair.read(|snapshot| {
            let mut messages = Vec::new();
            let mut cursor = MessageCursor::matching(snapshot, self.seq, self.id, filter)?;
            cursor.read(snapshot, |message| {
                messages.push(format!("{message:?}"));
                Ok::<_, StoreError>(std::ops::ControlFlow::Continue(()))
            })?;
            Ok(messages)
        })
    }
}

fn complete() -> AnswerEnd {
    AnswerEnd::Complete {
        metadata: Some("{\"tokens\": 3}".to_owned()),
        is_refusal: false,
    }
}

const FAILED: AnswerEnd = AnswerEnd::Failed { error: "no model" };

#[test]
fn answers_and_feedback_change_the_same_rows() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    let (seq, id) = pair.start(VISITOR, 10);
    let chat = Chat {
        pair: &pair,
        seq,
        id,
    };
    let lease = Lease::new();

    let first = chat.ask(lease, "Where is my order?", 20);
    let second = NewAnswer {
        id: MessageId::generate(),
        content: NewAnswerContent::Streaming(lease),
    };
    let target = AnswerTarget::NewQuestion(Box::new(question("Hello?")));
    pair.rejected(
        chat.context(21).add_answer(&target, &second),
        Rejection::AnswerInProgress,
    );
    pair.write(answer::save_texts(lease, vec![(first, "In".to_owned())]));
    pair.read(|snapshot| {
        live_event::watched(snapshot, PROJECT, id).map(|found| format!("{found:?}"))
    });
    chat.finish(first, "In the post.", &complete(), 30);
    pair.write(message::rate(first, Some(Feedback::Dislike), Timestamp(31)));

    let failed = chat.ask(lease, "And when?", 40);
    chat.finish(failed, "", &FAILED, 41);
    pair.rejected(
        answer::finish_answer(seq, failed, "x".to_owned(), &complete(), Timestamp(42)),
        Rejection::AnswerEnded,
    );
    let hidden = MessageFilter {
        limit: 10,
        offset: 0,
        role: None,
        status: None,
        hides_failures: true,
    };
    assert_eq!(chat.messages(hidden).len(), 3);
    let retried = chat.stream(lease, &AnswerTarget::ReplaceFailed(failed), 50);
    chat.finish(retried, "Tomorrow.", &complete(), 51);
    let stopped = chat.ask(lease, "Sure?", 60);
    chat.finish(stopped, "", &complete(), 61);
    let pages = MessageFilter {
        limit: 2,
        offset: 1,
        hides_failures: false,
        ..hidden
    };
    assert_eq!(chat.messages(pages).len(), 2);
    assert_eq!(chat.messages(MessageFilter { limit: 10, ..pages }).len(), 4);
    pair.read(|snapshot| answer::history(snapshot, seq, None, 3));
    pair.read(|snapshot| answer::latest(snapshot, PROJECT, id).map(|found| format!("{found:?}")));
    pair.read(|snapshot| message::answer(snapshot, retried));
    pair.read(|snapshot| {
        message::find(snapshot, PROJECT, retried).map(|found| format!("{found:?}"))
    });
    pair.write(message::rate(first, None, Timestamp(70)));
    pair.read(|snapshot| project::statistics(snapshot, PROJECT));
    pair.read(|snapshot| usage::month_with_quota(snapshot, PROJECT, Timestamp(60)));
    pair.compare_rows();
}

#[test]
fn takeover_reply_and_close_change_the_same_rows() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    let (seq, id) = pair.start(VISITOR, 10);
    let chat = Chat {
        pair: &pair,
        seq,
        id,
    };
    let lease = Lease::new();
    let answer = chat.ask(lease, "A person, please", 20);
    let wait = WaitingContext {
        conversation: seq,
        is_email_configured: true,
        at: Timestamp(25),
    };
    pair.write(wait.start(WaitingReason::Requested));
    pair.read(|snapshot| statistics::waiting(snapshot, PROJECT));
    let request = IdempotentRequest {
        caller: "visitor 1".to_owned(),
        key: "key".to_owned(),
        hash: [1; 32],
        conversation: Some(id),
    };
    pair.write(request.save(&SavedResponse::answer(answer), Timestamp(26)));
    let agent = Assignee {
        profile: AgentProfile {
            name: Some("Ada".to_owned()),
            image: None,
        },
        account: None,
    };
    let to_agent = SavedResponse {
        status: 202,
        body: SavedBody::Bytes(b"{}".to_vec()),
    };
    let partial = Some((answer, "One mom".to_owned()));
    pair.write(agent::take_over(
        seq,
        &agent,
        partial,
        &to_agent,
        Timestamp(40),
    ));
    let read = |snapshot: &Snapshot| {
        conversation::read_list_item(snapshot, seq, Audience::Staff, |item| format!("{item:?}"))
    };
    pair.read(read);
    pair.write(agent::reply(
        seq,
        MessageId::generate(),
        &content("Hello"),
        Timestamp(50),
    ));
    pair.write(chat.context(55).add_message_to_agent(&question("Thanks")));
    pair.read(read);
    pair.write(conversation::mark_as_read(seq));
    pair.read(read);
    pair.write(agent::hand_back(seq, Timestamp(60)));
    pair.rejected(
        agent::hand_back(seq, Timestamp(61)),
        Rejection::NotTakenOver,
    );
    let note = Note {
        id: NoteId::generate(),
        text: "paid".to_owned(),
        created_at: Timestamp(62),
        author: None,
    };
    pair.write(note::add(seq, &note));
    pair.read(|snapshot| note::list(snapshot, seq));
    pair.write(conversation::close(seq, None, Timestamp(70)));
    pair.rejected(
        conversation::close(seq, None, Timestamp(71)),
        Rejection::ConversationClosed,
    );
    pair.read(read);
    pair.read(|snapshot| request.saved_response(snapshot, Timestamp(80)));
    pair.read(|snapshot| statistics::read(snapshot, PROJECT, 2, Timestamp(100)));
    let records = pair.compare_rows();
    assert!(records.len() > 6, "{records:?}");
    pair.write(idempotency::remove_expired(Timestamp(10_i64.pow(12))));
    pair.write(note::delete(seq, note.id));
    pair.compare_rows();
}

#[test]
fn waits_and_refusals_change_the_same_rows() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    let (seq, id) = pair.start(VISITOR, 10);
    let chat = Chat {
        pair: &pair,
        seq,
        id,
    };
    let lease = Lease::new();
    let wait = |at| WaitingContext {
        conversation: seq,
        is_email_configured: false,
        at: Timestamp(at),
    };
    pair.write(set_webhook());
    for (number, at) in [(1, 20), (2, 30)] {
        let answer = chat.ask(lease, "What?", at);
        chat.finish(answer, "I do not know.", &complete(), at + 1);
        pair.write(wait(at + 2).refuse(answer));
        let is_waiting = pair.read(|snapshot| statistics::waiting(snapshot, PROJECT));
        assert_eq!(is_waiting, u64::from(number == 2));
    }
    assert_eq!(
        pair.read(|snapshot| unanswered::count(snapshot, PROJECT)),
        2
    );
    let page = |snapshot: &Snapshot| {
        let found = unanswered::page(snapshot, PROJECT, Limit::default(), Offset::default())?;
        Ok(found
            .into_iter()
            .map(|found| format!("{found:?}"))
            .collect::<Vec<_>>())
    };
    assert_eq!(pair.read(page).len(), 2);
    let newest = pair.read(|snapshot| {
        let found = unanswered::page(snapshot, PROJECT, Limit::default(), Offset::default())?;
        Ok(found[0].id)
    });
    pair.write(unanswered::resolve(PROJECT, newest, Timestamp(50)));
    pair.rejected(
        unanswered::resolve(PROJECT, newest, Timestamp(51)),
        Rejection::NotFound,
    );
    pair.read(|snapshot| waiting::candidate(snapshot, VISITOR));
    pair.compare_rows();
}

/// Stores who is notified of a conversation that waits.
fn set_webhook() -> Batch {
    use crate::domain::{TargetsChange, WebhookSecret};
    let change = TargetsChange {
        webhook_url: Some(Some("https://hook.example/".to_owned())),
        emails: Some(vec!["a@shop.example".to_owned()]),
        rotates_secret: false,
    };
    let secret = WebhookSecret([7; 32]);
    crate::store::notification::settings::change_targets(PROJECT, &change, secret, Timestamp(5))
}

#[test]
fn interrupted_answers_are_ended_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    let (seq, id) = pair.start(VISITOR, 10);
    let chat = Chat {
        pair: &pair,
        seq,
        id,
    };
    chat.ask(Lease::new(), "Hello?", 20);
    let late = Timestamp(10_i64.pow(9));
    let owners = |snapshot: &Snapshot| lease::interrupted_owners(snapshot, Lease::new(), late);
    let found = pair.read(owners);
    assert_eq!(found.len(), 1);
    pair.write(lease::fail_interrupted(found[0]));
    assert_eq!(pair.read(owners), []);
    pair.write(lease::remove_expired(late));
    pair.compare_rows();
}

#[test]
fn conversations_are_deleted_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    pair.add_visitor("device");
    for at in [10, 20, 30, 40] {
        let (seq, id) = pair.start(VISITOR, at);
        let chat = Chat {
            pair: &pair,
            seq,
            id,
        };
        let answer = chat.ask(Lease::new(), "Hello?", at + 1);
        chat.finish(answer, "Hi", &complete(), at + 2);
        if at < 40 {
            pair.write(conversation::close(seq, None, Timestamp(at + 3)));
        }
    }
    let closed = |project| Deletion::of_closed_before(project, Timestamp(30), 1);
    assert!(pair.delete(&closed(None)).has_more);
    assert!(!pair.delete(&closed(Some(PROJECT))).has_more);
    let counts = |snapshot: &Snapshot| {
        crate::store::erasure::count_closed_before(snapshot, None, Timestamp(100))
    };
    assert_eq!(pair.read(counts)[0].messages, 2);
    pair.delete(&Deletion::of_conversation(ConversationSeq(4)));
    // A row number is not used again.
    let (seq, _) = pair.start(VISITOR, 50);
    assert_eq!(seq, ConversationSeq(5));
    pair.compare_rows();
    pair.read(|snapshot| {
        conversation_state::read(snapshot, PROJECT, ConversationId::generate())
            .map(|state| state.is_none())
    });
    pair.read(|snapshot| export::state(snapshot).map(|state| state.len()));
}
