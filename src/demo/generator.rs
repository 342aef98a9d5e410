//! Generates the visitors, conversations and messages of the demo, one
//! conversation at a time.
//!
//! The output depends on the plan alone: the generator uses neither the system
//! clock nor the system's random numbers nor the order of a hash map.

use fastrand::Rng;
use uuid::Uuid;

use super::DemoPlan;
use super::agents::DemoAccount;
use super::dialogue::{self, DialogueLine, DialogueRole, Scenario};
use super::message::{GeneratedMessage, GeneratedPage, random_pause};
use super::phrases::{DemoAgent, PhraseBook};
use super::profile::{VisitorProfile, pick_language};
use super::random::{chance, id_at, pick};
use super::scenes::{self, Scene};
use super::templates::{TemplateValues, title_of};
use super::timeline::{Arrivals, DAY, HOUR, MINUTE, Period, SECOND};
use super::visitors::{DEMO_VISITOR, FinalState, VisitorPool};
use crate::domain::{WaitingReason, title_key};

/// The age of conversations in milliseconds from which agents have read nearly all.
const READ_AGE: i64 = 2 * DAY;

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
    /// Since when and why the conversation waits for an agent.
    pub waiting: Option<(i64, WaitingReason)>,
    /// How long the visitor waited for the agent, in milliseconds.
    pub waited: Option<i64>,
    /// The newest message that an agent has read.
    pub read_message: Option<i64>,
    pub refusals: Vec<GeneratedRefusal>,
    pub notes: Vec<GeneratedNote>,
}

/// A row of the table `answer_refusal`.
pub struct GeneratedRefusal {
    pub answer: i64,
    pub question: i64,
    pub at: i64,
}

/// A row of the table `note`.
pub struct GeneratedNote {
    pub id: Uuid,
    pub author: &'static DemoAccount,
    pub text: &'static str,
    pub at: i64,
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
    period: Period,
    /// Conversations that are not scenes.
    conversations_left: u32,
    visitors: u32,
    scenes: &'static [Scene],
    /// The scenes whose conversations are not generated yet.
    scenes_left: std::slice::Iter<'static, Scene>,
    rng: Rng,
    arrivals: Arrivals,
    visitor_pool: VisitorPool,
    conversation_seq: i64,
    message_seq: i64,
}

impl Generator {
    pub fn new(plan: &DemoPlan) -> Self {
        let scenes = scenes::of(plan);
        let period = Period::of(plan);
        let conversations = plan.conversations - scenes.len() as u32;
        Self {
            seed: plan.seed,
            period,
            conversations_left: conversations,
            visitors: plan.visitors.max(1),
            scenes,
            scenes_left: scenes.iter(),
            rng: Rng::with_seed(plan.seed),
            arrivals: Arrivals::new(conversations, period),
            visitor_pool: VisitorPool::new(plan, scenes.len() as u32),
            conversation_seq: 0,
            message_seq: 0,
        }
    }

    /// All visitors; call this after the last conversation.
    pub fn visitors(&self) -> impl Iterator<Item = GeneratedVisitor> + '_ {
        let mut rng = Rng::with_seed(!self.seed);
        (0..self.visitors as usize).map(move |index| {
            let scene = index.checked_sub(self.first_scene_visitor());
            let scene = scene.and_then(|number| self.scenes.get(number));
            let created_at = match scene {
                Some(scene) => scene.arrived_at(self.period.end),
                None => self.visitor_pool.created_at(index, &mut rng),
            };
            let mut profile = VisitorProfile::generate(index, self.seed, created_at);
            if let Some(scene) = scene {
                scene.describe_visitor(&mut profile, index);
            }
            GeneratedVisitor {
                seq: index as i64 + 1,
                sa_vid: match index {
                    DEMO_VISITOR => "demo".to_owned(),
                    _ => format!("visitor-{index}"),
                },
                profile,
                created_at,
            }
        })
    }

    /// The index of the first scene's visitor. The visitors of the scenes are the last.
    fn first_scene_visitor(&self) -> usize {
        self.visitors as usize - self.scenes.len()
    }

    fn scene(&mut self, scene: &Scene) -> GeneratedConversation {
        let number = self.scenes.len() - self.scenes_left.len() - 1;
        let visitor = self.first_scene_visitor() + number;
        self.conversation_seq += 1;
        scene.conversation(
            (self.conversation_seq, visitor),
            self.period.end,
            &mut self.message_seq,
            &mut self.rng,
        )
    }

    fn conversation(&mut self) -> GeneratedConversation {
        let created_at = self.arrivals.next(&mut self.rng);
        let (visitor, final_state) = self.visitor_pool.next(created_at, &mut self.rng);
        let rng = &mut self.rng;
        let profile = VisitorProfile::generate(visitor, self.seed, created_at);
        let language = conversation_language(visitor, &profile, rng);
        let topic = &language.topics[rng.usize(0..language.topics.len())];
        let times = (created_at, self.period);
        let values = TemplateValues::random(language, topic, &profile.email, times, rng);
        let scenario = Scenario::random(rng);
        let lines = dialogue::generate(language, topic, scenario, rng);

        self.conversation_seq += 1;
        let mut conversation =
            GeneratedConversation::new(self.conversation_seq, visitor, created_at, rng);
        conversation.page_url = chance(70, rng).then(|| GeneratedPage::random(&values, rng).url);
        conversation.messages.reserve(lines.len());
        conversation.add_messages(&lines, &values, &mut self.message_seq, rng);
        if scenario != Scenario::Unanswered {
            conversation.set_title();
        }
        conversation.set_final_state(final_state, self.period.end, rng);
        conversation.set_read_message(self.period.end, rng);
        conversation
    }
}

impl Iterator for Generator {
    type Item = GeneratedConversation;

    fn next(&mut self) -> Option<GeneratedConversation> {
        match self.conversations_left.checked_sub(1) {
            Some(left) => {
                self.conversations_left = left;
                Some(self.conversation())
            }
            None => {
                let scene = self.scenes_left.next()?;
                Some(self.scene(scene))
            }
        }
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
    /// An open conversation without messages.
    pub fn new(seq: i64, visitor: usize, created_at: i64, rng: &mut Rng) -> Self {
        Self {
            seq,
            id: id_at(created_at, rng),
            visitor,
            created_at,
            updated_at: created_at,
            last_interaction_at: created_at,
            closing: None,
            agent: None,
            title: None,
            page_url: None,
            messages: Vec::new(),
            waiting: None,
            waited: None,
            read_message: None,
            refusals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Makes messages of the lines, until a message would be later than the end of the
    /// data.
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
            if at > values.period.end {
                break;
            }
            *message_seq += 1;
            let is_first = previous.is_none();
            let message = GeneratedMessage::new(*message_seq, at, line, is_first, values, rng);
            self.messages.push(message);
            self.last_interaction_at = at;
            if line.role == DialogueRole::Agent {
                self.take_over(values.agent, at);
            }
            previous = Some(line.role);
        }
    }

    /// An agent writes at `at`. The visitor has waited since the request for a person,
    /// unless the agent answers the first question.
    pub fn take_over(&mut self, agent: &'static DemoAgent, at: i64) {
        if self.agent.replace(agent).is_none() {
            let mut messages = self.messages.iter();
            let request = messages.rfind(|message| message.role == DialogueRole::Visitor);
            let has_request = self.messages.len() > 1;
            self.waited = request
                .filter(|_| has_request)
                .map(|request| at - request.created_at);
        }
    }

    pub fn set_title(&mut self) {
        self.title = self.messages.first().map(|message| {
            let title = title_of(&message.text);
            let key = title_key(&title);
            (title, key)
        });
    }

    /// Closes the conversation or leaves it open, and sets `updated_at`.
    fn set_final_state(&mut self, final_state: FinalState, end: i64, rng: &mut Rng) {
        let last = self.last_interaction_at;
        let is_recent = end - last < 10 * DAY;
        let closed_percent = if is_recent { 30 } else { 73 };
        let (delay, reasons) = random_closing(rng);
        let at = last + delay;
        let is_closed_by_chance = chance(closed_percent, rng) && at <= end;
        let is_closed = match final_state {
            FinalState::Any => is_closed_by_chance,
            FinalState::Closed => true,
            FinalState::Open => false,
        };
        self.closing = is_closed.then(|| GeneratedClosing {
            at: at.min(end),
            reason: pick(reasons, rng),
        });
        let changed_at = self.closing.as_ref().map_or(last, |closing| closing.at);
        let has_later_update = chance(10, rng);
        let later = if has_later_update {
            rng.i64(SECOND..HOUR)
        } else {
            0
        };
        self.updated_at = (changed_at + later).min(end);
    }

    /// Agents have read what was closed, nearly all older conversations and some recent
    /// ones; of the others, their own messages.
    fn set_read_message(&mut self, end: i64, rng: &mut Rng) {
        let is_old = end - self.last_interaction_at > READ_AGE;
        let is_read = chance(if is_old { 98 } else { 35 }, rng) || self.closing.is_some();
        let mut messages = self.messages.iter();
        let message = if is_read {
            messages.next_back()
        } else {
            messages.rfind(|message| message.role == DialogueRole::Agent)
        };
        self.read_message = message.map(|message| message.seq);
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
