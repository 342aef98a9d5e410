//! Generates the visitors, conversations and messages of the demo, one
//! conversation at a time.
//!
//! The output depends on the plan alone: the generator uses neither the system
//! clock nor the system's random numbers nor the order of a hash map.

use fastrand::Rng;
use uuid::Uuid;

use super::DemoPlan;
use super::dialogue::{self, DialogueLine, DialogueRole, Scenario};
use super::message::{GeneratedMessage, GeneratedPage, random_pause};
use super::phrases::{DemoAgent, PhraseBook};
use super::profile::{VisitorProfile, pick_language};
use super::random::{chance, id_at, pick};
use super::templates::{TemplateValues, title_of};
use super::timeline::{Arrivals, DAY, HOUR, MINUTE, NOW, SECOND};
use super::visitors::{DEMO_VISITOR, FinalState, VisitorPool};
use crate::domain::title_key;

/// A row of the table `conversation` with its messages. Times are milliseconds
/// since 1970.
pub struct GeneratedConversation {
    pub seq: i64,
    pub id: Uuid,
    /// The index of the visitor; the row id is this number plus 1.
    pub visitor: usize,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closing: Option<GeneratedClosing>,
    pub agent: Option<&'static DemoAgent>,
    /// The title and its sort key.
    pub title: Option<(String, String)>,
    pub page_url: Option<String>,
    pub messages: Vec<GeneratedMessage>,
}

pub struct GeneratedClosing {
    pub at: i64,
    pub reason: Option<&'static str>,
}

/// A row of the table `visitor`.
pub struct GeneratedVisitor {
    pub seq: i64,
    pub sa_vid: String,
    pub profile: VisitorProfile,
    pub created_at: i64,
}

/// An iterator over the conversations. Read the visitors after the last
/// conversation.
pub struct Generator {
    seed: u64,
    conversations_left: u32,
    visitors: u32,
    rng: Rng,
    arrivals: Arrivals,
    visitor_pool: VisitorPool,
    conversation_seq: i64,
    message_seq: i64,
}

impl Generator {
    pub fn new(plan: &DemoPlan) -> Self {
        Self {
            seed: plan.seed,
            conversations_left: plan.conversations,
            visitors: plan.visitors.max(1),
            rng: Rng::with_seed(plan.seed),
            arrivals: Arrivals::new(plan.conversations),
            visitor_pool: VisitorPool::new(plan.conversations, plan.visitors),
            conversation_seq: 0,
            message_seq: 0,
        }
    }

    /// All visitors; call this after the last conversation.
    pub fn visitors(&self) -> impl Iterator<Item = GeneratedVisitor> + '_ {
        let mut rng = Rng::with_seed(!self.seed);
        (0..self.visitors as usize).map(move |index| {
            let created_at = self.visitor_pool.created_at(index, &mut rng);
            GeneratedVisitor {
                seq: index as i64 + 1,
                sa_vid: match index {
                    DEMO_VISITOR => "demo".to_owned(),
                    _ => format!("visitor-{index}"),
                },
                profile: VisitorProfile::generate(index, self.seed, created_at),
                created_at,
            }
        })
    }

    fn conversation(&mut self) -> GeneratedConversation {
        let created_at = self.arrivals.next(&mut self.rng);
        let (visitor, final_state) = self.visitor_pool.next(created_at, &mut self.rng);
        let rng = &mut self.rng;
        let profile = VisitorProfile::generate(visitor, self.seed, created_at);
        let language = conversation_language(visitor, &profile, rng);
        let topic = &language.topics[rng.usize(0..language.topics.len())];
        let values = TemplateValues::random(language, topic, &profile.email, created_at, rng);
        let scenario = Scenario::random(rng);
        let lines = dialogue::generate(language, topic, scenario, rng);

        self.conversation_seq += 1;
        let mut conversation = GeneratedConversation {
            seq: self.conversation_seq,
            id: id_at(created_at, rng),
            visitor,
            created_at,
            updated_at: created_at,
            last_interaction_at: created_at,
            closing: None,
            agent: None,
            title: None,
            page_url: chance(70, rng).then(|| GeneratedPage::random(&values, rng).url),
            messages: Vec::with_capacity(lines.len()),
        };
        conversation.add_messages(&lines, &values, &mut self.message_seq, rng);
        if scenario != Scenario::Unanswered {
            conversation.set_title();
        }
        conversation.set_final_state(final_state, rng);
        conversation
    }
}

impl Iterator for Generator {
    type Item = GeneratedConversation;

    fn next(&mut self) -> Option<GeneratedConversation> {
        self.conversations_left = self.conversations_left.checked_sub(1)?;
        Some(self.conversation())
    }
}

/// Usually the visitor's own language; the demo visitor uses all of them.
fn conversation_language(
    visitor: usize,
    profile: &VisitorProfile,
    rng: &mut Rng,
) -> &'static PhraseBook {
    if visitor == DEMO_VISITOR || chance(6, rng) {
        pick_language(rng)
    } else {
        profile.language
    }
}

impl GeneratedConversation {
    /// Makes messages of the lines, until a message would be later than
    /// [`NOW`].
    fn add_messages(
        &mut self,
        lines: &[DialogueLine],
        values: &TemplateValues,
        message_seq: &mut i64,
        rng: &mut Rng,
    ) {
        let mut previous = None;
        for line in lines {
            let at = self.last_interaction_at + random_pause(previous, line.role, rng);
            if at > NOW {
                break;
            }
            *message_seq += 1;
            let is_first = previous.is_none();
            let message = GeneratedMessage::new(*message_seq, at, line, is_first, values, rng);
            self.messages.push(message);
            self.last_interaction_at = at;
            if line.role == DialogueRole::Agent {
                self.agent = Some(values.agent);
            }
            previous = Some(line.role);
        }
    }

    fn set_title(&mut self) {
        self.title = self.messages.first().map(|message| {
            let title = title_of(&message.text);
            let key = title_key(&title);
            (title, key)
        });
    }

    /// Closes the conversation or leaves it open, and sets `updated_at`.
    fn set_final_state(&mut self, final_state: FinalState, rng: &mut Rng) {
        let last = self.last_interaction_at;
        let is_recent = NOW - last < 10 * DAY;
        let closed_percent = if is_recent { 30 } else { 73 };
        let (delay, reasons) = random_closing(rng);
        let at = last + delay;
        let is_closed_by_chance = chance(closed_percent, rng) && at <= NOW;
        let is_closed = match final_state {
            FinalState::Any => is_closed_by_chance,
            FinalState::Closed => true,
            FinalState::Open => false,
        };
        self.closing = is_closed.then(|| GeneratedClosing {
            at: at.min(NOW),
            reason: pick(reasons, rng),
        });
        let changed_at = self.closing.as_ref().map_or(last, |closing| closing.at);
        let has_later_update = chance(10, rng);
        let later = if has_later_update {
            rng.i64(SECOND..HOUR)
        } else {
            0
        };
        self.updated_at = (changed_at + later).min(NOW);
    }
}

type CloseReasons = [Option<&'static str>; 4];

const SOLVED: CloseReasons = [
    Some("resolved"),
    Some("resolved"),
    Some("Problem solved"),
    None,
];
const ABANDONED: CloseReasons = [
    Some("no_response"),
    Some("no_response"),
    Some("inactive"),
    None,
];
const OTHER: CloseReasons = [
    Some("resolved"),
    Some("duplicate"),
    Some("moved to e-mail"),
    None,
];

/// The time in milliseconds from the last message to the closing, and the
/// possible close reasons.
fn random_closing(rng: &mut Rng) -> (i64, &'static CloseReasons) {
    match rng.u32(0..100) {
        0..45 => (rng.i64(20 * SECOND..40 * MINUTE), &SOLVED),
        45..85 => (rng.i64(DAY..3 * DAY), &ABANDONED),
        _ => (rng.i64(HOUR..8 * DAY), &OTHER),
    }
}
