//! Fills the slots of templates, varies first messages the way people type, and
//! makes titles of them.

use std::fmt::Write;

use fastrand::Rng;

use super::phrases::{DemoAgent, PhraseBook, PhraseSection};
use super::random::{chance, pick};
use super::timeline::{DAY, HOUR, Period, month_and_day};

const CARRIERS: [&str; 6] = ["DHL", "UPS", "DPD", "GLS", "FedEx", "Hermes"];
const CODES: [&str; 5] = ["SPRING25", "WELCOME10", "HELLO5", "BLACKWEEK", "FREESHIP"];
const PLANS: [&str; 3] = ["Starter", "Team", "Business"];
const SIZES: [&str; 8] = ["XS", "S", "M", "L", "XL", "38", "42", "44"];
const CENTS: [&str; 5] = ["00", "50", "90", "95", "99"];
const EMOJI: [&str; 8] = ["🙏", "😕", "🤔", "😅", "😊", "📦", "🙈", "✨"];

/// Nouns that start German questions. They stay capitalized after a greeting.
const GERMAN_NOUNS: [&str; 3] = ["Konto", "Passwort", "Größe"];

const MAX_TITLE_CHARS: usize = 80;

/// The values of the slots, the same for all messages of a conversation.
pub struct TemplateValues<'a> {
    pub language: &'static PhraseBook,
    pub topic: &'static PhraseSection,
    /// The agent who takes over if the scenario has a takeover.
    pub agent: &'static DemoAgent,
    pub product: &'static str,
    pub period: Period,
    email: &'a str,
    order: u64,
    city: &'static str,
    carrier: &'static str,
    code: &'static str,
    plan: &'static str,
    size: &'static str,
    days: u32,
    whole_amount: u32,
    cents: &'static str,
    /// A few days before the conversation.
    past_date: i64,
    /// A few days after the conversation.
    future_date: i64,
}

impl<'a> TemplateValues<'a> {
    /// Random values for a conversation that starts at `time`.
    pub fn random(
        language: &'static PhraseBook,
        topic: &'static PhraseSection,
        email: &'a str,
        (time, period): (i64, Period),
        rng: &mut Rng,
    ) -> Self {
        // Order numbers increase with time.
        let hours = (time - period.start) / HOUR;
        Self {
            period,
            language,
            topic,
            email,
            agent: &language.agents[rng.usize(0..language.agents.len())],
            order: 104_000 + 31 * hours as u64 - rng.u64(0..2400),
            product: pick(&language.products, rng),
            city: pick(&language.cities, rng),
            carrier: pick(&CARRIERS, rng),
            code: pick(&CODES, rng),
            plan: pick(&PLANS, rng),
            size: pick(&SIZES, rng),
            days: rng.u32(4..=9),
            whole_amount: rng.u32(9..240),
            cents: pick(&CENTS, rng),
            past_date: time - rng.i64(2..9) * DAY,
            future_date: time + rng.i64(1..5) * DAY,
        }
    }

    /// The number of the product in the shop.
    pub fn product_number(&self) -> usize {
        let mut products = self.language.products.iter();
        let index = products.position(|product| *product == self.product);
        1001 + index.unwrap_or(0)
    }

    /// Fills the slots of a template. `citation` replaces the slot `cite`; if it
    /// is empty, the white space before the slot is removed too.
    pub fn fill(&self, template: &str, citation: &str) -> String {
        let mut text = String::with_capacity(template.len() + 48);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            match slot {
                "cite" if citation.is_empty() => text.truncate(text.trim_end().len()),
                "cite" => text.push_str(citation),
                _ => self.write_slot(&mut text, slot),
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn write_slot(&self, text: &mut String, slot: &str) {
        let value = match slot {
            "product" => self.product,
            "city" => self.city,
            "carrier" => self.carrier,
            "code" => self.code,
            "plan" => self.plan,
            "size" => self.size,
            "email" => self.email,
            "agent" => self.agent.first_name(),
            "order" => return write_number(text, "A-", self.order),
            "n" => return write_number(text, "", self.days.into()),
            "date" => return self.write_date(text, self.past_date),
            "soon" => return self.write_date(text, self.future_date),
            "amount" => return self.write_amount(text),
            other => panic!("{}: no such slot: {other}", self.language.tag),
        };
        text.push_str(value);
    }

    fn write_date(&self, text: &mut String, time: i64) {
        let (month, day) = month_and_day(time);
        write_pattern(text, self.language.date_pattern, |text, char| match char {
            'D' => write_number(text, "", day.into()),
            'M' => write_number(text, "", month.into()),
            'N' => text.push_str(self.language.months[month as usize - 1]),
            other => text.push(other),
        });
    }

    fn write_amount(&self, text: &mut String) {
        write_pattern(text, self.language.money_pattern, |text, char| match char {
            'I' => write_number(text, "", self.whole_amount.into()),
            'F' => text.push_str(self.cents),
            other => text.push(other),
        });
    }

    /// The first message of a conversation: the question, in some cases with a
    /// greeting before and a detail after it.
    pub fn first_message(&self, question: &str, rng: &mut Rng) -> String {
        let question = self.fill(question, "");
        let mut text = String::with_capacity(question.len() + 80);
        if chance(35, rng) {
            text.push_str(pick(&self.language.greetings, rng));
            self.push_after_greeting(&mut text, &question);
        } else {
            text.push_str(&question);
        }
        let detail = pick(&self.language.details.first_exchange().questions, rng);
        let is_about_delivery = detail.contains("{date}") || detail.contains("{city}");
        let fits = !self.topic.is_service() || !is_about_delivery;
        if chance(30, rng) && fits {
            self.push_detail(&mut text, detail, chance(15, rng));
        }
        TypingStyle::random(rng).apply(text, self.language.tag, rng)
    }

    /// Appends the question. After a comma it starts in lower case, except for
    /// names, "I", and Turkish, whose i has other case rules.
    fn push_after_greeting(&self, text: &mut String, question: &str) {
        let word = question.split(' ').next().unwrap_or_default();
        let mut chars = word.chars();
        let (first, second) = (chars.next().unwrap_or_default(), chars.next());
        let tag = self.language.tag;
        let is_german_noun = tag == "de" && GERMAN_NOUNS.contains(&word);
        let is_name = question.starts_with(self.carrier) || is_german_noun;
        let starts_lower = text.ends_with(',')
            && tag != "tr"
            && !is_name
            && second.is_some_and(|second| second.is_alphabetic() && !second.is_uppercase());
        push_space(text);
        if starts_lower {
            text.extend(first.to_lowercase());
            text.push_str(&question[first.len_utf8()..]);
        } else {
            text.push_str(question);
        }
    }

    fn push_detail(&self, text: &mut String, detail: &str, on_new_line: bool) {
        if text.ends_with(char::is_alphanumeric) {
            text.push_str(match self.language.tag {
                "ja" | "zh" => "。",
                "hi" => "।",
                _ => ".",
            });
        }
        if on_new_line {
            text.push('\n');
        } else {
            push_space(text);
        }
        text.push_str(&self.fill(detail, ""));
    }
}

/// Appends a space, except after full-width punctuation, which includes one.
fn push_space(text: &mut String) {
    if !text.ends_with(['。', '、', '，', '？', '！']) {
        text.push(' ');
    }
}

fn write_number(text: &mut String, prefix: &str, number: u64) {
    write!(text, "{prefix}{number}").expect("writing to a string cannot fail");
}

/// Calls `write_char` for each character of `pattern`.
pub fn write_pattern(text: &mut String, pattern: &str, write_char: impl Fn(&mut String, char)) {
    pattern.chars().for_each(|char| write_char(text, char));
}

/// How a visitor types.
enum TypingStyle {
    Correct,
    Lowercase,
    Uppercase,
    Emoji,
    /// Accents as combining characters (Unicode NFD), as some systems send
    /// them.
    Decomposed,
}

impl TypingStyle {
    fn random(rng: &mut Rng) -> Self {
        match rng.u32(0..100) {
            0..14 => TypingStyle::Lowercase,
            14..16 => TypingStyle::Uppercase,
            16..21 => TypingStyle::Emoji,
            21..23 => TypingStyle::Decomposed,
            _ => TypingStyle::Correct,
        }
    }

    fn apply(self, mut text: String, tag: &str, rng: &mut Rng) -> String {
        let is_turkish = tag == "tr";
        match self {
            TypingStyle::Correct => text,
            TypingStyle::Lowercase => {
                let lower = to_lowercase(&text, is_turkish);
                lower.trim_end_matches(['.', '!']).to_owned()
            }
            TypingStyle::Uppercase => to_uppercase(&text, is_turkish),
            TypingStyle::Emoji => {
                text.push(' ');
                text + pick(&EMOJI, rng)
            }
            TypingStyle::Decomposed => decompose(&text),
        }
    }
}

/// In Turkish, i and ı are different letters in both cases.
fn to_lowercase(text: &str, is_turkish: bool) -> String {
    if is_turkish {
        text.replace('İ', "i").replace('I', "ı").to_lowercase()
    } else {
        text.to_lowercase()
    }
}

fn to_uppercase(text: &str, is_turkish: bool) -> String {
    if is_turkish {
        text.replace('i', "İ").to_uppercase()
    } else {
        text.to_uppercase()
    }
}

/// Accented letters, the letters without the accent, and the combining accent.
const ACCENTS: [(&str, &str, char); 7] = [
    ("àèù", "aeu", '\u{300}'),
    ("áéíóú", "aeiou", '\u{301}'),
    ("âêô", "aeo", '\u{302}'),
    ("ãñõ", "ano", '\u{303}'),
    ("äöü", "aou", '\u{308}'),
    ("çş", "cs", '\u{327}'),
    ("ćńś", "cns", '\u{301}'),
];

/// Replaces accented letters by the letter and the combining accent.
fn decompose(text: &str) -> String {
    let mut decomposed = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match letter_and_accent(char) {
            Some((letter, accent)) => decomposed.extend([letter, accent]),
            None => decomposed.push(char),
        }
    }
    decomposed
}

fn letter_and_accent(char: char) -> Option<(char, char)> {
    ACCENTS.iter().find_map(|(accented, letters, accent)| {
        let index = accented.chars().position(|each| each == char)?;
        Some((letters.chars().nth(index)?, *accent))
    })
}

/// The title of a conversation: the first message on one line, at most
/// [`MAX_TITLE_CHARS`], truncated between words if possible.
pub fn title_of(message: &str) -> String {
    let mut title = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    let Some((end, next)) = title.char_indices().nth(MAX_TITLE_CHARS) else {
        return title;
    };
    let end = match title[..end].rfind(' ') {
        Some(space) if next != ' ' => space,
        _ => end,
    };
    title.truncate(end);
    title
}

#[cfg(test)]
mod tests {
    use super::super::phrases::LANGUAGES;
    use super::*;

    #[test]
    fn title_is_truncated_at_a_word_within_80_characters() {
        assert_eq!(title_of("  Where is\n it? "), "Where is it?");
        let words = "abcdefghi ".repeat(9);
        assert_eq!(title_of(&words), words[..79]);
        assert_eq!(title_of(&format!("{}xy", &words[..79])), words[..69]);
        assert_eq!(title_of(&"語".repeat(90)), "語".repeat(80));
    }

    #[test]
    fn all_slots_of_all_texts_can_be_filled() {
        let mut rng = Rng::with_seed(1);
        let end = 1_782_842_400_000;
        let period = Period {
            start: end - 60 * DAY,
            end,
        };
        for language in LANGUAGES.iter() {
            let topic = &language.topics[0];
            let times = (end, period);
            let values = TemplateValues::random(language, topic, "a@mail.example", times, &mut rng);
            for text in language.texts() {
                let filled = values.fill(text, "[1]");
                assert!(!filled.contains(['{', '}']), "{filled}");
            }
        }
    }

    #[test]
    fn typing_styles_handle_turkish_i_and_accents() {
        assert_eq!(to_uppercase("İade ısı", true), "İADE ISI");
        assert_eq!(to_lowercase("İADE ISI", true), "iade ısı");
        assert_eq!(decompose("Köln, ¿señor?"), "Ko\u{308}ln, ¿sen\u{303}or?");
    }
}
