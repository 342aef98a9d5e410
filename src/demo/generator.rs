//! A support desk of an invented shop: its visitors, conversations and
//! messages, one after the other.
//!
//! The same plan gives the same desk: nothing here asks the clock, the system's
//! randomness or the order of a hash map.

use fastrand::Rng;
use uuid::Uuid;

use super::DemoPlan;
use super::dialogue::{self, DialogueLine, DialogueRole, Scenario};
use super::message::{GeneratedMessage, GeneratedPage, pause};
use super::phrases::{DemoAgent, PhraseBook};
use super::profile::{VisitorProfile, speaks};
use super::random::{chance, id_at, pick};
use super::templates::{TemplateValues, title_of};
use super::timeline::{Arrivals, DAY, HOUR, MINUTE, NOW, SECOND};
use super::visitors::{DEMO_VISITOR, FinalState, VisitorPool};
use crate::domain::title_key;

pub struct GeneratedConversation {
    pub seq: i64,
    pub id: Uuid,
    /// The visitor's place; their row is the one after it.
    pub visitor: usize,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closing: Option<GeneratedClosing>,
    pub agent: Option<&'static DemoAgent>,
    /// The title, and what it is sorted by.
    pub title: Option<(String, String)>,
    pub page_url: Option<String>,
    pub messages: Vec<GeneratedMessage>,
}

pub struct GeneratedClosing {
    pub at: i64,
    pub reason: Option<&'static str>,
}

pub struct GeneratedVisitor {
    pub seq: i64,
    pub sa_vid: String,
    pub person: VisitorProfile,
    pub created_at: i64,
    pub open: u32,
    pub closed: u32,
}

/// Gives the conversations; after the last one, the visitors.
pub struct Generator {
    seed: u64,
    left: u32,
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
            left: plan.conversations,
            visitors: plan.visitors.max(1),
            rng: Rng::with_seed(plan.seed),
            arrivals: Arrivals::new(plan.conversations),
            visitor_pool: VisitorPool::new(plan.conversations, plan.visitors),
            conversation_seq: 0,
            message_seq: 0,
        }
    }

    /// Everyone, with the counts of the conversations given so far.
    pub fn visitors(&self) -> impl Iterator<Item = GeneratedVisitor> + '_ {
        let mut rng = Rng::with_seed(!self.seed);
        (0..self.visitors as usize).map(move |place| {
            let stats = self.visitor_pool.stats(place, &mut rng);
            GeneratedVisitor {
                seq: place as i64 + 1,
                sa_vid: match place {
                    0 => "demo".to_owned(),
                    _ => format!("visitor-{place}"),
                },
                person: VisitorProfile::at(place, self.seed, stats.created_at),
                created_at: stats.created_at,
                open: stats.open,
                closed: stats.closed,
            }
        })
    }

    fn conversation(&mut self) -> GeneratedConversation {
        let created_at = self.arrivals.next(&mut self.rng);
        let (visitor, end) = self.visitor_pool.next(created_at, &mut self.rng);
        let rng = &mut self.rng;
        let person = VisitorProfile::at(visitor, self.seed, created_at);
        let language = spoken(visitor, &person, rng);
        let topic = &language.topics[rng.usize(0..language.topics.len())];
        let facts = TemplateValues::draw(language, topic, &person.email, created_at, rng);
        let course = Scenario::draw(rng);
        let lines = dialogue::write(language, topic, course, rng);

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
            page_url: chance(70, rng).then(|| GeneratedPage::draw(&facts, rng).url),
            messages: Vec::with_capacity(lines.len()),
        };
        conversation.say(&lines, &facts, &mut self.message_seq, rng);
        if course != Scenario::Unanswered {
            conversation.name();
        }
        conversation.finish(end, rng);
        self.visitor_pool
            .count(visitor, conversation.closing.is_some());
        conversation
    }
}

impl Iterator for Generator {
    type Item = GeneratedConversation;

    fn next(&mut self) -> Option<GeneratedConversation> {
        self.left = self.left.checked_sub(1)?;
        Some(self.conversation())
    }
}

/// Mostly a person's own language; the demo's visitor tries them all.
fn spoken(visitor: usize, person: &VisitorProfile, rng: &mut Rng) -> &'static PhraseBook {
    match visitor == DEMO_VISITOR || chance(6, rng) {
        true => speaks(rng),
        false => person.language,
    }
}

impl GeneratedConversation {
    /// Turns the lines into messages, as far as the present.
    fn say(
        &mut self,
        lines: &[DialogueLine],
        facts: &TemplateValues,
        message_seq: &mut i64,
        rng: &mut Rng,
    ) {
        let mut before = None;
        for line in lines {
            let at = self.last_interaction_at + pause(before, line.speaker, rng);
            if at > NOW {
                break;
            }
            *message_seq += 1;
            let opens = before.is_none();
            let message = GeneratedMessage::new(*message_seq, at, line, opens, facts, rng);
            self.messages.push(message);
            self.last_interaction_at = at;
            if line.speaker == DialogueRole::Agent {
                self.agent = Some(facts.agent);
            }
            before = Some(line.speaker);
        }
    }

    fn name(&mut self) {
        self.title = self.messages.first().map(|message| {
            let title = title_of(&message.text);
            let key = title_key(&title);
            (title, key)
        });
    }

    /// Closes it or leaves it open, and says when it last changed.
    fn finish(&mut self, end: FinalState, rng: &mut Rng) {
        let last = self.last_interaction_at;
        let percent = match NOW - last < 10 * DAY {
            true => 30,
            false => 73,
        };
        let (after, reasons) = closing(rng);
        let at = last + after;
        let closes = chance(percent, rng) && at <= NOW;
        let closes = end == FinalState::Closed || (closes && end != FinalState::Open);
        self.closing = closes.then(|| GeneratedClosing {
            at: at.min(NOW),
            reason: pick(reasons, rng),
        });
        let changed = self.closing.as_ref().map_or(last, |closing| closing.at);
        let touched = match chance(10, rng) {
            true => rng.i64(SECOND..HOUR),
            false => 0,
        };
        self.updated_at = (changed + touched).min(NOW);
    }
}

/// How long after the last message it is closed, and what may be given as the
/// reason.
fn closing(rng: &mut Rng) -> (i64, &'static [Option<&'static str>]) {
    match rng.u32(0..100) {
        0..45 => (
            rng.i64(20 * SECOND..40 * MINUTE),
            &[
                Some("resolved"),
                Some("resolved"),
                Some("Problem solved"),
                None,
            ],
        ),
        45..85 => (
            rng.i64(DAY..3 * DAY),
            &[
                Some("no_response"),
                Some("no_response"),
                Some("inactive"),
                None,
            ],
        ),
        _ => (
            rng.i64(HOUR..8 * DAY),
            &[
                Some("resolved"),
                Some("duplicate"),
                Some("moved to e-mail"),
                None,
            ],
        ),
    }
}
