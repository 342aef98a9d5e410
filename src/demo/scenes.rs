//! The newest conversations of the demo: some wait for an agent, and the assistant had no
//! answer to some questions. `texts` has what people wrote in them.

mod texts;

pub use texts::SAVED_REPLIES;

use fastrand::Rng;

use super::DemoPlan;
use super::agents::DemoAccount;
use super::dialogue::DialogueRole;
use super::generator::{GeneratedConversation, GeneratedNote, GeneratedRefusal};
use super::message::{GeneratedFeedback, GeneratedMessage, GeneratedPage};
use super::phrases::{DemoAgent, LANGUAGES};
use super::profile::{VisitorContact, VisitorProfile};
use super::random::id_at;
use super::timeline::SECOND;
use crate::answer::handover::Language;
use crate::domain::WaitingReason;

/// One of this many conversations may be a scene.
const CONVERSATIONS_PER_SCENE: u32 = 20;
/// The time from the arrival of the visitor to the first message.
const READING_TIME: i64 = 90 * SECOND;
/// The time from a disliked answer to the click.
const FEEDBACK_DELAY: i64 = 20 * SECOND;

/// A conversation with a visitor of its own.
pub struct Scene {
    /// Milliseconds from the first message to the end of the data.
    age: i64,
    visitor: SceneVisitor,
    /// Path and title of the page.
    page: (&'static str, &'static str),
    lines: &'static [SceneLine],
    /// Since the last message but this many, the conversation waits for an agent.
    waiting: Option<(WaitingReason, usize)>,
    is_read: bool,
    notes: &'static [SceneNote],
}

struct SceneVisitor {
    language: Language,
    /// The name of a customer who has signed in to the shop.
    name: Option<&'static str>,
    email: Option<&'static str>,
    phone: Option<&'static str>,
}

/// Milliseconds since the line before, and the line.
type SceneLine = (i64, SceneText);

enum SceneText {
    Visitor(&'static str),
    Answer(&'static str),
    /// An answer that the visitor dislikes.
    DislikedAnswer(&'static str),
    /// The assistant has no answer.
    Refusal(&'static str),
    Reply(&'static DemoAgent, &'static str),
}

struct SceneNote {
    /// Milliseconds since the first message.
    after: i64,
    author: DemoAccount,
    text: &'static str,
}

/// The scenes of a plan, the oldest first. A small plan has fewer: the newest.
pub fn of(plan: &DemoPlan) -> &'static [Scene] {
    let scenes = texts::SCENES;
    let by_size = plan.conversations / CONVERSATIONS_PER_SCENE;
    let count = by_size.min(plan.visitors.saturating_sub(1) / 2) as usize;
    &scenes[scenes.len().saturating_sub(count)..]
}

impl Scene {
    pub fn arrived_at(&self, end: i64) -> i64 {
        end - self.age - READING_TIME
    }

    /// Changes the profile of any visitor to that of the scene's visitor.
    pub fn describe_visitor(&self, profile: &mut VisitorProfile, index: usize) {
        let visitor = &self.visitor;
        let tag = visitor.language.tag();
        let language = LANGUAGES.iter().find(|language| language.tag == tag);
        profile.language = language.unwrap_or(&LANGUAGES[0]);
        profile.name = visitor.name.map(str::to_owned);
        profile.external_id = visitor.name.map(|_| format!("customer-{}", 10_000 + index));
        profile.is_verified = visitor.name.is_some();
        profile.contact = VisitorContact {
            email: visitor.email.map(str::to_owned),
            phone: visitor.phone,
        };
    }

    /// The conversation. `message_seq` is that of the message before.
    pub fn conversation(
        &self,
        (seq, visitor): (i64, usize),
        end: i64,
        message_seq: &mut i64,
        rng: &mut Rng,
    ) -> GeneratedConversation {
        let created_at = end - self.age;
        let mut conversation = GeneratedConversation::new(seq, visitor, created_at, rng);
        let (path, title) = self.page;
        let url = format!("https://shop.example/{path}");
        conversation.page_url = Some(url.clone());
        for line in self.lines {
            Self::add_line(&mut conversation, line, message_seq, rng);
        }
        if let Some(first) = conversation.messages.first_mut() {
            first.page = Some(GeneratedPage {
                url,
                title: title.to_owned(),
                selection: None,
            });
        }
        conversation.set_title();
        self.set_state(&mut conversation);
        self.add_notes(&mut conversation, rng);
        conversation
    }

    fn add_line(
        conversation: &mut GeneratedConversation,
        (pause, text): &SceneLine,
        message_seq: &mut i64,
        rng: &mut Rng,
    ) {
        *message_seq += 1;
        let at = conversation.last_interaction_at + pause;
        let mut message = GeneratedMessage {
            seq: *message_seq,
            id: id_at(at, rng),
            created_at: at,
            role: text.role(),
            text: text.text().to_owned(),
            error: None,
            feedback: None,
            page: None,
        };
        match text {
            SceneText::DislikedAnswer(_) => {
                message.feedback = Some(GeneratedFeedback {
                    is_like: false,
                    at: at + FEEDBACK_DELAY,
                });
            }
            SceneText::Refusal(_) => conversation.refusals.push(GeneratedRefusal {
                answer: *message_seq,
                question: *message_seq - 1,
                at,
            }),
            SceneText::Reply(agent, _) => conversation.take_over(agent, at),
            _ => {}
        }
        conversation.last_interaction_at = at;
        conversation.messages.push(message);
    }

    fn set_state(&self, conversation: &mut GeneratedConversation) {
        let messages = &conversation.messages;
        conversation.waiting = self.waiting.and_then(|(reason, messages_since)| {
            let message = messages.iter().rev().nth(messages_since)?;
            Some((message.created_at, reason))
        });
        conversation.updated_at = conversation.last_interaction_at;
        if self.is_read {
            conversation.read_message = messages.last().map(|message| message.seq);
        }
    }

    fn add_notes(&self, conversation: &mut GeneratedConversation, rng: &mut Rng) {
        for note in self.notes {
            let at = conversation.created_at + note.after;
            conversation.notes.push(GeneratedNote {
                id: id_at(at, rng),
                author: &note.author,
                text: note.text,
                at,
            });
        }
    }
}

impl SceneText {
    fn role(&self) -> DialogueRole {
        match self {
            SceneText::Visitor(_) => DialogueRole::Visitor,
            SceneText::Reply(..) => DialogueRole::Agent,
            _ => DialogueRole::Assistant,
        }
    }

    fn text(&self) -> &'static str {
        match self {
            SceneText::Visitor(text)
            | SceneText::Answer(text)
            | SceneText::DislikedAnswer(text)
            | SceneText::Refusal(text)
            | SceneText::Reply(_, text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::timeline::MINUTE;
    use super::*;
    use crate::answer::handover::{Availability, HandoverSituation, handover_text};

    #[test]
    fn scenes_are_in_order_and_end_before_the_data() {
        let ages = texts::SCENES.iter().map(|scene| scene.age);
        assert!(ages.is_sorted_by(|older, newer| older > newer));
        for scene in texts::SCENES {
            let length: i64 = scene.lines.iter().map(|(pause, _)| pause).sum();
            let notes = scene.notes.iter().map(|note| note.after);
            let last = notes.chain([length + MINUTE]).max();
            assert!(last <= Some(scene.age), "{:?}", scene.lines[0].0);
        }
    }

    #[test]
    fn replies_to_requests_for_a_person_are_those_of_the_assistant() {
        let text = |language, contact: Option<&str>| {
            let situation = HandoverSituation {
                availability: Availability::AgentOnline,
                contact,
                has_left_contact: contact.is_some(),
                away_message: None,
            };
            handover_text(language, &situation)
        };
        let contact = Some("lena.hartmann@mail.example");
        assert_eq!(texts::HANDOVER, text(Language::English, None));
        assert_eq!(texts::HANDOVER_IN_SPANISH, text(Language::Spanish, None));
        assert_eq!(texts::HANDOVER_IN_GERMAN, text(Language::German, contact));
    }
}
