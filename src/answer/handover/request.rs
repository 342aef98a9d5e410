//! Decides whether a message asks for a person.
//!
//! A message is a sequence of items (`vocabulary`). A request is a clause in which
//! the words around a person fit together:
//!
//! - a verb of contact and a person ("talk to a person"), with a wish or as a
//!   command: "I talked to a person yesterday" is a report
//! - a wish directly before the person ("I need a human"), which no noun may follow:
//!   "I need a human hair brush"
//! - a short sentence of nothing else ("real person please")
//! - a phrase that is a request on its own ("transfer me")
//! - the refusal of a bot ("I don't want to talk to a robot")

use std::ops::Range;

use super::language::{Language, coverage};
use super::normalize::normalize;
use super::vocabulary::{Item, Order, Role, languages_with_target, vocabularies};

/// The maximum number of words without an entry between a verb and the person.
const MAX_GAP: usize = 2;

/// The maximum number of items between a refusal and what it refuses.
const MAX_REFUSAL_DISTANCE: usize = 5;

/// The maximum number of items of a request without a verb.
const MAX_SHORT_ITEMS: usize = 9;

/// The maximum number of items of a command that begins with a verb of contact.
const MAX_COMMAND_ITEMS: usize = 6;

/// The maximum number of characters of a refusal that can be an interjection.
const MAX_INTERJECTION_CHARS: usize = 4;

/// The maximum number of items of a clause that are considered.
const MAX_CLAUSE_ITEMS: usize = 200;

/// The maximum number of items between a verb and the person, and between a
/// condition and the person.
const MAX_VERB_DISTANCE: usize = 8;

/// The part of the best coverage, as a fraction, that another language needs.
const MIN_COVERAGE_PERCENT: (usize, usize) = (70, 100);

/// Returns the language in which the visitor asks for a person. Returns `None` if
/// the message is no such request.
pub fn is_handover_request(text: &str) -> Option<Language> {
    handover_request(text, None)
}

/// Like [`is_handover_request`]. `hint` decides between languages that share the
/// words of the request, for example "operator".
pub fn handover_request(text: &str, hint: Option<Language>) -> Option<Language> {
    let normalized = normalize(text);
    let languages = languages_with_target(&normalized);
    let scored: Vec<_> = languages
        .map(|language| (coverage(language, &normalized), language))
        .collect();
    let best = scored.iter().map(|(score, _)| *score).max()?;
    // A language that knows fewer words of the text is not the language of the text.
    let requests = scored.into_iter().filter(|&(score, language)| {
        score * MIN_COVERAGE_PERCENT.1 >= best * MIN_COVERAGE_PERCENT.0
            && is_request_in(language, &normalized)
    });
    let preferred = |(score, language): &(usize, Language)| (hint == Some(*language), *score);
    // Of equal languages, the first wins: max_by_key returns the last.
    let requests: Vec<_> = requests.collect();
    let best = requests.into_iter().rev().max_by_key(preferred);
    best.map(|(_, language)| language)
}

fn is_request_in(language: Language, normalized: &str) -> bool {
    let vocabulary = &vocabularies()[language as usize];
    let items: Vec<Item> = vocabulary.items(normalized).collect();
    let is_end = |item: &Item| matches!(item.role, Role::SentenceEnd | Role::QuestionEnd);
    let mut sentences = items.split_inclusive(is_end);
    sentences.any(|sentence| is_request_sentence(sentence, vocabulary.order))
}

/// Whether a sentence, with its mark, has a clause that asks for a person.
fn is_request_sentence(sentence: &[Item], order: Order) -> bool {
    let is_question = sentence
        .iter()
        .any(|item| matches!(item.role, Role::QuestionEnd | Role::Question));
    let is_mark = |item: &Item| matches!(item.role, Role::SentenceEnd | Role::QuestionEnd);
    let items = sentence.iter().filter(|item| !is_mark(item)).copied();
    let mut items: Vec<Item> = items.map(|item| resolve_duty(item, is_question)).collect();
    join_wishes(&mut items);
    let mut clauses = items.split(|item| item.role == Role::ClauseEnd);
    let is_whole = clauses.clone().count() == 1;
    is_short_request(&items)
        || clauses.any(|clause| {
            let clause = Clause {
                items: &clause[..clause.len().min(MAX_CLAUSE_ITEMS)],
                order,
            };
            clause.is_request() || !is_whole && clause.is_short_request_with_wish()
        })
}

/// Removes the mark after a wish: in "I want, if possible, a person", the wish
/// belongs to the next clause.
fn join_wishes(items: &mut Vec<Item>) {
    let mut is_after_wish = false;
    items.retain(|item| {
        let is_joint = is_after_wish && item.role == Role::ClauseEnd;
        is_after_wish = item.role == Role::Wish;
        !is_joint
    });
}

/// Makes a duty a refusal in a question, and a wish otherwise.
fn resolve_duty(item: Item, is_question: bool) -> Item {
    let role = match item.role {
        Role::Duty if is_question => Role::Refusal,
        Role::Duty => Role::Wish,
        role => role,
    };
    Item { role, ..item }
}

/// Whether a sentence is nothing but a person and words that belong to a request.
fn is_short_request(items: &[Item]) -> bool {
    let has = |role| items.iter().any(|item| item.role == role);
    let is_foreign = |item: &Item| {
        matches!(
            item.role,
            Role::Other
                | Role::Common
                | Role::Refusal
                | Role::Condition
                | Role::Bot
                | Role::Presence
        )
    };
    let has_target = has(Role::Person)
        || has(Role::Team)
        || has(Role::Someone) && (has(Role::Real) || has(Role::Help) || has(Role::Contact));
    has_target && items.len() <= MAX_SHORT_ITEMS && !items.iter().any(is_foreign)
}

/// The part of a sentence between two commas.
struct Clause<'a> {
    items: &'a [Item],
    order: Order,
}

impl Clause<'_> {
    fn is_request(&self) -> bool {
        (0..self.items.len()).any(|target| match self.items[target].role {
            Role::Request => !self.is_refused(target) && !self.is_conditional(target),
            Role::Presence => !self.items.iter().any(is_unknown) && !self.is_refused(target),
            Role::Person => self.is_request_for(target, &[Role::Contact, Role::Reach], true),
            Role::Someone => self.is_request_for(target, &[Role::Contact, Role::Reach], false),
            Role::Team => self.is_request_for(target, &[Role::Contact], false),
            Role::Bot => self.is_bot_refused(target),
            _ => false,
        })
    }

    fn is_short_request_with_wish(&self) -> bool {
        let is_wish = |item: &Item| {
            matches!(
                item.role,
                Role::Filler | Role::Wish | Role::Real | Role::Contact
            )
        };
        is_short_request(self.items) && self.items.iter().any(is_wish)
    }

    /// Whether the clause asks for the person at `target`, with one of the `verbs`
    /// or, if `wish_is_enough`, with a wish.
    fn is_request_for(&self, target: usize, verbs: &[Role], wish_is_enough: bool) -> bool {
        if self.is_refused(target) || self.is_conditional(target) {
            return false;
        }
        let is_linked = self
            .verbs_near(target, verbs)
            .any(|verb| self.is_wished(verb, target) && !self.is_refused(verb));
        is_linked
            || self.is_helper(target)
            || wish_is_enough
                && (self.has_adjacent_wish(target) && self.ends_noun_phrase(target)
                    || self.is_first(target) && self.is_role(target + 1, Role::Filler))
    }

    /// Whether the person at `target` is to help: "an agent should call me". "Can
    /// someone help me choose a size" asks for no person of the team.
    fn is_helper(&self, target: usize) -> bool {
        let start = target.saturating_sub(MAX_VERB_DISTANCE);
        let end = self.items.len().min(target + MAX_VERB_DISTANCE + 1);
        let is_precise = self.items[target].role == Role::Person;
        let mut verbs = (start..end).filter(|&verb| self.is_role(verb, Role::Help));
        (is_precise || !self.items.iter().any(is_unknown))
            && verbs.any(|verb| {
                let (first, last) = (verb.min(target), verb.max(target));
                self.is_close(first + 1..last) && self.has_wish(last)
            })
    }

    /// Whether the clause has a wish before `end`, or anywhere if the order is free.
    fn has_wish(&self, end: usize) -> bool {
        let end = if self.has_any_order() {
            self.items.len()
        } else {
            end
        };
        self.items[..end].iter().any(|item| item.role == Role::Wish)
    }

    /// Returns the verbs that belong to the person at `target`.
    fn verbs_near<'a>(
        &'a self,
        target: usize,
        verbs: &'a [Role],
    ) -> impl Iterator<Item = usize> + 'a {
        let start = target.saturating_sub(MAX_VERB_DISTANCE);
        let end = self.items.len().min(target + MAX_VERB_DISTANCE + 1);
        (start..end).filter(move |&verb| {
            let (first, last) = (verb.min(target), verb.max(target));
            verbs.contains(&self.items[verb].role)
                && self.is_close(first + 1..last)
                && (verb < target || self.follows_person(first, last))
        })
    }

    /// Whether a verb can follow the person: in any order, or after a wish ("is there
    /// someone I can talk to").
    fn follows_person(&self, person: usize, verb: usize) -> bool {
        self.has_any_order()
            || self.items[person + 1..verb]
                .iter()
                .any(|item| item.role == Role::Wish)
    }

    /// Whether few words without an entry are between two items. The words of a
    /// reason do not count: "mit jemandem wegen meiner Bestellung sprechen".
    fn is_close(&self, between: Range<usize>) -> bool {
        let items = &self.items[between];
        let before_reason = items.iter().take_while(|item| item.role != Role::About);
        let others = before_reason.filter(|item| is_unknown(item)).count();
        let breaks = |item: &Item| matches!(item.role, Role::Condition | Role::Bot);
        others <= MAX_GAP && !items.iter().any(breaks)
    }

    /// Whether the visitor wishes what a verb and a person say: with a wish, or as a
    /// command.
    fn is_wished(&self, verb: usize, target: usize) -> bool {
        let (first, last) = (verb.min(target), verb.max(target));
        let unknown_count = |range: Range<usize>| {
            let items = self.items[range].iter();
            items.filter(|item| is_unknown(item)).count()
        };
        let is_command = self.is_first(first)
            || self.items.len() <= MAX_COMMAND_ITEMS && unknown_count(0..self.items.len()) == 0
            || self.has_any_order() && unknown_count(last + 1..self.items.len()) == 0;
        let mut wishes = (0..self.items.len()).filter(|&item| self.is_role(item, Role::Wish));
        is_command
            || wishes.any(|wish| match wish {
                _ if wish < first => unknown_count(wish + 1..first) <= self.max_wish_gap(),
                _ if wish < last => true,
                _ => self.has_any_order() && unknown_count(last + 1..wish) <= MAX_GAP,
            })
    }

    /// Returns the maximum number of words without an entry between a wish and the
    /// verb: "can I use the headset to talk to someone" has two.
    fn max_wish_gap(&self) -> usize {
        match self.order {
            Order::VerbFirst => 1,
            Order::Any | Order::VerbFinal => MAX_GAP,
        }
    }

    /// Whether a wish is next to the person, with only glue between them.
    fn has_adjacent_wish(&self, target: usize) -> bool {
        let mut before = self.items[..target]
            .iter()
            .rev()
            .skip_while(|item| is_inner(item));
        let mut after = self.items[target + 1..]
            .iter()
            .skip_while(|item| is_inner(item));
        let is_wish = |item: Option<&Item>| item.is_some_and(|item| item.role == Role::Wish);
        is_wish(before.next()) || self.has_any_order() && is_wish(after.next())
    }

    /// Whether no noun follows the person.
    fn ends_noun_phrase(&self, target: usize) -> bool {
        let mut after = self.items[target + 1..]
            .iter()
            .skip_while(|item| is_inner(item));
        after.next().is_none_or(|item| !is_unknown(item))
    }

    /// Whether nothing but politeness is before an item.
    fn is_first(&self, index: usize) -> bool {
        let is_soft = |item: &Item| {
            matches!(
                item.role,
                Role::Filler | Role::Glue | Role::Question | Role::Real | Role::Wish
            )
        };
        self.items[..index].iter().all(is_soft)
    }

    fn is_role(&self, index: usize, role: Role) -> bool {
        self.items.get(index).is_some_and(|item| item.role == role)
    }

    fn has_any_order(&self) -> bool {
        self.order != Order::VerbFirst
    }

    /// Whether the clause only describes what is at `index`: "when I talk to a person".
    fn is_conditional(&self, index: usize) -> bool {
        let is_condition = |item: &Item| item.role == Role::Condition;
        let start = index.saturating_sub(MAX_VERB_DISTANCE);
        self.items[start..index].iter().any(is_condition)
            || self.order == Order::VerbFinal && self.items[index..].iter().any(is_condition)
    }

    /// Whether a refusal governs an item. In languages with any order, it can follow.
    fn is_refused(&self, index: usize) -> bool {
        let first = index.saturating_sub(MAX_REFUSAL_DISTANCE);
        let is_end = |role| matches!(role, Role::Bot | Role::Request);
        let before = (first..index).rev();
        let mut before = before.take_while(|&position| !is_end(self.items[position].role));
        let end = self.items.len().min(index + 1 + MAX_REFUSAL_DISTANCE);
        let mut after = index + 1..end;
        let is_refusal = |position| self.is_role(position, Role::Refusal);
        before.any(|position| is_refusal(position) && !self.is_interjection(position))
            || self.has_any_order() && after.any(is_refusal)
    }

    /// Whether a refusal only begins the clause: "no I want a person".
    fn is_interjection(&self, refusal: usize) -> bool {
        self.items[refusal].chars <= MAX_INTERJECTION_CHARS
            && self.is_first(refusal)
            && self.is_role(refusal + 1, Role::Wish)
    }

    /// Whether the visitor does not want the bot at `bot`.
    fn is_bot_refused(&self, bot: usize) -> bool {
        let is_part = |item: &&Item| {
            matches!(
                item.role,
                Role::Contact | Role::Reach | Role::Wish | Role::Filler
            ) || is_inner(item)
        };
        let mut before = self.items[..bot].iter().rev().skip_while(is_part);
        let mut after = self.items[bot + 1..].iter().skip_while(is_part);
        let is_refusal = |item: Option<&Item>| item.is_some_and(|i| i.role == Role::Refusal);
        is_refusal(before.next()) || self.has_any_order() && is_refusal(after.next())
    }
}

/// Whether an item has no entry that matters for a request.
fn is_unknown(item: &Item) -> bool {
    matches!(item.role, Role::Other | Role::Common)
}

/// Whether an item can be between a verb or a wish and the person.
fn is_inner(item: &Item) -> bool {
    matches!(
        item.role,
        Role::Glue | Role::Question | Role::Real | Role::Person | Role::Someone | Role::Team
    )
}
