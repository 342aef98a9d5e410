//! How it is said: slots filled, questions in the hand of who types them,
//! titles made from them.

use std::fmt::Write;

use fastrand::Rng;

use super::phrases::{DemoAgent, PhraseBook, PhraseSection};
use super::random::{chance, pick};
use super::timeline::{DAY, NOW, SPAN, month_and_day};

const CARRIERS: [&str; 6] = ["DHL", "UPS", "DPD", "GLS", "FedEx", "Hermes"];
const CODES: [&str; 5] = ["SPRING25", "WELCOME10", "HELLO5", "BLACKWEEK", "FREESHIP"];
const PLANS: [&str; 3] = ["Starter", "Team", "Business"];
const SIZES: [&str; 8] = ["XS", "S", "M", "L", "XL", "38", "42", "44"];
const CENTS: [&str; 5] = ["00", "50", "90", "95", "99"];
const EMOJI: [&str; 8] = ["🙏", "😕", "🤔", "😅", "😊", "📦", "🙈", "✨"];

/// First words of German questions, nouns, which keep their capital.
const NOUNS: [&str; 3] = ["Konto", "Passwort", "Größe"];

/// What the slots of one conversation say, the same from its first line to its
/// last.
pub struct TemplateValues<'a> {
    pub language: &'static PhraseBook,
    pub topic: &'static PhraseSection,
    /// Whoever would take over.
    pub agent: &'static DemoAgent,
    pub product: &'static str,
    email: &'a str,
    order: u64,
    city: &'static str,
    carrier: &'static str,
    code: &'static str,
    plan: &'static str,
    size: &'static str,
    days: u32,
    whole: u32,
    cents: &'static str,
    /// A few days before and after.
    date: i64,
    soon: i64,
}

impl<'a> TemplateValues<'a> {
    pub fn draw(
        language: &'static PhraseBook,
        topic: &'static PhraseSection,
        email: &'a str,
        moment: i64,
        rng: &mut Rng,
    ) -> Self {
        // A shop's orders are numbered in the order in which they come.
        let age = (moment - (NOW - SPAN)) / (DAY / 24);
        Self {
            language,
            topic,
            email,
            agent: &language.agents[rng.usize(0..language.agents.len())],
            order: 104_000 + 31 * age as u64 - rng.u64(0..2400),
            product: pick(&language.products, rng),
            city: pick(&language.cities, rng),
            carrier: pick(&CARRIERS, rng),
            code: pick(&CODES, rng),
            plan: pick(&PLANS, rng),
            size: pick(&SIZES, rng),
            days: rng.u32(4..=9),
            whole: rng.u32(9..240),
            cents: pick(&CENTS, rng),
            date: moment - rng.i64(2..9) * DAY,
            soon: moment + rng.i64(1..5) * DAY,
        }
    }

    /// The product's number in the shop.
    pub fn product_number(&self) -> usize {
        let products = &self.language.products;
        let place = products.iter().position(|one| *one == self.product);
        1001 + place.unwrap_or(0)
    }

    /// The text with its slots filled; `cite` is what stands for its sources.
    pub fn fill(&self, template: &str, cite: &str) -> String {
        let mut text = String::with_capacity(template.len() + 48);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            match slot {
                "cite" if cite.is_empty() => text.truncate(text.trim_end().len()),
                "cite" => text.push_str(cite),
                _ => self.write_slot(&mut text, slot),
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn write_slot(&self, text: &mut String, slot: &str) {
        let plain = match slot {
            "product" => self.product,
            "city" => self.city,
            "carrier" => self.carrier,
            "code" => self.code,
            "plan" => self.plan,
            "size" => self.size,
            "email" => self.email,
            "agent" => self.agent.called(),
            "order" => return write_number(text, "A-", self.order),
            "n" => return write_number(text, "", self.days.into()),
            "date" => return self.write_day(text, self.date),
            "soon" => return self.write_day(text, self.soon),
            "amount" => return self.write_amount(text),
            other => panic!("{}: no such slot: {other}", self.language.tag),
        };
        text.push_str(plain);
    }

    fn write_day(&self, text: &mut String, moment: i64) {
        let (month, day) = month_and_day(moment);
        write_pattern(text, self.language.date, |text, sign| match sign {
            'D' => write_number(text, "", day.into()),
            'M' => write_number(text, "", month.into()),
            'N' => text.push_str(self.language.months[month as usize - 1]),
            other => text.push(other),
        });
    }

    fn write_amount(&self, text: &mut String) {
        write_pattern(text, self.language.money, |text, sign| match sign {
            'I' => write_number(text, "", self.whole.into()),
            'F' => text.push_str(self.cents),
            other => text.push(other),
        });
    }

    /// A first message: perhaps a greeting, the question, perhaps more about it.
    pub fn opening(&self, question: &str, rng: &mut Rng) -> String {
        let question = self.fill(question, "");
        let mut text = String::with_capacity(question.len() + 80);
        if chance(35, rng) {
            text.push_str(pick(&self.language.greetings, rng));
            self.push_after_greeting(&mut text, &question);
        } else {
            text.push_str(&question);
        }
        let detail = pick(&self.language.details.only().asks, rng);
        let fits =
            !self.topic.is_service() || !detail.contains("{date}") && !detail.contains("{city}");
        if chance(30, rng) && fits {
            self.push_detail(&mut text, detail, chance(15, rng));
        }
        TypingStyle::draw(rng).write(text, self.language.tag, rng)
    }

    /// After a comma a sentence goes on in lower case, but for names, "I", and
    /// Turkish, where lower case is a matter of its own.
    fn push_after_greeting(&self, text: &mut String, question: &str) {
        let word = question.split(' ').next().unwrap_or_default();
        let mut signs = word.chars();
        let (first, second) = (signs.next().unwrap_or_default(), signs.next());
        let tag = self.language.tag;
        let name = question.starts_with(self.carrier) || (tag == "de" && NOUNS.contains(&word));
        let lowers = text.ends_with(',')
            && tag != "tr"
            && !name
            && second.is_some_and(|second| second.is_alphabetic() && !second.is_uppercase());
        push_space(text);
        if lowers {
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
        match on_new_line {
            true => text.push('\n'),
            false => push_space(text),
        }
        text.push_str(&self.fill(detail, ""));
    }
}

/// Nothing after the wide marks, which have their space within them.
fn push_space(text: &mut String) {
    if !text.ends_with(['。', '、', '，', '？', '！']) {
        text.push(' ');
    }
}

fn write_number(text: &mut String, before: &str, number: u64) {
    write!(text, "{before}{number}").expect("a string takes all");
}

/// Writes each sign of `pattern`, or what `sign` writes for it.
pub fn write_pattern(text: &mut String, pattern: &str, sign: impl Fn(&mut String, char)) {
    pattern.chars().for_each(|each| sign(text, each));
}

/// How somebody types.
enum TypingStyle {
    Tidy,
    Lower,
    Loud,
    Emoji,
    /// On a system that sends accents as signs of their own.
    Apart,
}

impl TypingStyle {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u32(0..100) {
            0..14 => TypingStyle::Lower,
            14..16 => TypingStyle::Loud,
            16..21 => TypingStyle::Emoji,
            21..23 => TypingStyle::Apart,
            _ => TypingStyle::Tidy,
        }
    }

    fn write(self, mut text: String, tag: &str, rng: &mut Rng) -> String {
        match self {
            TypingStyle::Tidy => text,
            TypingStyle::Lower => {
                let lower = cased(&text, tag == "tr", false);
                lower.trim_end_matches(['.', '!']).to_owned()
            }
            TypingStyle::Loud => cased(&text, tag == "tr", true),
            TypingStyle::Emoji => {
                text.push(' ');
                text + pick(&EMOJI, rng)
            }
            TypingStyle::Apart => take_apart(&text),
        }
    }
}

/// All in one case; in Turkish i and ı are two letters in both.
fn cased(text: &str, turkish: bool, upper: bool) -> String {
    match (turkish, upper) {
        (true, true) => text.replace('i', "İ").to_uppercase(),
        (true, false) => text.replace('İ', "i").replace('I', "ı").to_lowercase(),
        (false, true) => text.to_uppercase(),
        (false, false) => text.to_lowercase(),
    }
}

/// Letters that have an accent, as the letter and the combining mark.
fn take_apart(text: &str) -> String {
    let mut apart = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        let (letter, mark) = match sign {
            'à' | 'è' | 'ù' => (['a', 'e', 'u'][place("àèù", sign)], '\u{300}'),
            'á' | 'é' | 'í' | 'ó' | 'ú' => {
                (['a', 'e', 'i', 'o', 'u'][place("áéíóú", sign)], '\u{301}')
            }
            'â' | 'ê' | 'ô' => (['a', 'e', 'o'][place("âêô", sign)], '\u{302}'),
            'ã' | 'ñ' | 'õ' => (['a', 'n', 'o'][place("ãñõ", sign)], '\u{303}'),
            'ä' | 'ö' | 'ü' => (['a', 'o', 'u'][place("äöü", sign)], '\u{308}'),
            'ç' | 'ş' => (['c', 's'][place("çş", sign)], '\u{327}'),
            'ć' | 'ń' | 'ś' => (['c', 'n', 's'][place("ćńś", sign)], '\u{301}'),
            _ => {
                apart.push(sign);
                continue;
            }
        };
        apart.push(letter);
        apart.push(mark);
    }
    apart
}

fn place(letters: &str, letter: char) -> usize {
    letters.chars().position(|each| each == letter).unwrap_or(0)
}

/// The title that a first message gives: its words, at most 80 characters of
/// them, cut between two where there are two.
pub fn title_of(message: &str) -> String {
    const LENGTH: usize = 80;
    let mut title = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    let Some((end, next)) = title.char_indices().nth(LENGTH) else {
        return title;
    };
    let cut = match title[..end].rfind(' ') {
        Some(space) if next != ' ' => space,
        _ => end,
    };
    title.truncate(cut);
    title
}

#[cfg(test)]
mod tests {
    use super::super::phrases::LANGUAGES;
    use super::*;

    #[test]
    fn a_title_is_cut_at_a_word_within_80_characters() {
        assert_eq!(title_of("  Where is\n it? "), "Where is it?");
        let words = "abcdefghi ".repeat(9);
        assert_eq!(title_of(&words), words[..79]);
        assert_eq!(title_of(&format!("{}xy", &words[..79])), words[..69]);
        assert_eq!(title_of(&"語".repeat(90)), "語".repeat(80));
    }

    #[test]
    fn every_slot_of_every_text_can_be_filled() {
        let mut rng = Rng::with_seed(1);
        for language in LANGUAGES.iter() {
            let topic = &language.topics[0];
            let facts = TemplateValues::draw(language, topic, "a@mail.example", NOW, &mut rng);
            for text in language.texts() {
                let filled = facts.fill(text, "[1]");
                assert!(!filled.contains(['{', '}']), "{filled}");
            }
        }
    }

    #[test]
    fn a_typing_hand_knows_the_turkish_i() {
        assert_eq!(cased("İade ısı", true, true), "İADE ISI");
        assert_eq!(cased("İADE ISI", true, false), "iade ısı");
        assert_eq!(take_apart("Köln, ¿señor?"), "Ko\u{308}ln, ¿sen\u{303}or?");
    }
}
