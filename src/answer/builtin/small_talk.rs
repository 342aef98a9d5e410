//! Detects messages that need no search, and the standard replies.

use crate::answer::retrieval::{Language, tokenize};

/// A message that is not a question about the website.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallTalk {
    Greeting,
    Thanks,
}

/// The maximum number of words of a greeting or thanks.
const MAX_SMALL_TALK_WORDS: usize = 8;

const GREETING_WORDS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "hallo",
    "moin",
    "servus",
    "howdy",
    "gruezi",
    "greetings",
    "hej",
    "ciao",
    "bonjour",
    "hola",
];
const TIME_OF_DAY_WORDS: &[&str] = &[
    "morning",
    "afternoon",
    "evening",
    "morgen",
    "tag",
    "abend",
    "gott",
];
const THANKS_WORDS: &[&str] = &[
    "thanks",
    "thank",
    "thx",
    "ty",
    "cheers",
    "danke",
    "dank",
    "dankeschon",
    "merci",
    "gracias",
];
/// Words that can accompany a greeting or thanks.
const FILLER_WORDS: &[&str] = &[
    "there",
    "again",
    "all",
    "everyone",
    "good",
    "guten",
    "schonen",
    "gruss",
    "grusse",
    "dir",
    "ihnen",
    "euch",
    "zusammen",
    "you",
    "so",
    "very",
    "much",
    "a",
    "lot",
    "for",
    "the",
    "your",
    "help",
    "many",
    "schon",
    "sehr",
    "vielen",
    "herzlichen",
    "tausend",
    "fur",
    "die",
    "hilfe",
    "great",
    "perfect",
    "super",
    "prima",
    "toll",
    "ok",
    "okay",
    "that",
    "helps",
    "helped",
    "das",
    "hilft",
    "hat",
    "geholfen",
    "und",
    "and",
    "how",
    "are",
    "wie",
    "gehts",
];
/// Words of a wish such as "good morning".
const WISH_WORDS: &[&str] = &["good", "guten", "schonen", "gruss"];

impl SmallTalk {
    /// Returns the kind of small talk of a message. Returns `None` for other
    /// messages.
    pub fn detect(text: &str) -> Option<Self> {
        let mut words = Vec::new();
        tokenize(text, |token| words.push(token.to_owned()));
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let known = [
            GREETING_WORDS,
            TIME_OF_DAY_WORDS,
            THANKS_WORDS,
            FILLER_WORDS,
        ];
        let is_known = |word: &String| known.iter().any(|list| list.contains(&word.as_str()));
        let is_small_talk = words.len() <= MAX_SMALL_TALK_WORDS && words.iter().all(is_known);
        let has_wish = has(WISH_WORDS) && has(TIME_OF_DAY_WORDS);
        if is_small_talk && has(THANKS_WORDS) {
            Some(Self::Thanks)
        } else if is_small_talk && (has(GREETING_WORDS) || has_wish) {
            Some(Self::Greeting)
        } else {
            None
        }
    }

    pub fn reply(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Greeting, Language::English) => "Hello! How can I help you?",
            (Self::Greeting, Language::German) => "Hallo! Wie kann ich Ihnen helfen?",
            (Self::Thanks, Language::English) => {
                "You're welcome! If there is anything else, just ask."
            }
            (Self::Thanks, Language::German) => {
                "Gern geschehen! Wenn noch etwas ist, fragen Sie einfach."
            }
        }
    }
}

/// Whether a message is small talk.
pub fn is_small_talk(text: &str) -> bool {
    SmallTalk::detect(text).is_some()
}

/// Returns the reply to a question without an answer.
pub fn unknown_reply(language: Language) -> &'static str {
    match language {
        Language::English => {
            "I'm sorry, I don't know that. Could you put your question in other words?"
        }
        Language::German => "Das weiß ich leider nicht. Können Sie Ihre Frage anders formulieren?",
    }
}

#[cfg(test)]
mod tests {
    use super::SmallTalk::{self, Greeting, Thanks};

    #[test]
    fn small_talk_is_distinguished_from_questions() {
        for (text, expected) in [
            ("hi", Some(Greeting)),
            ("Good morning!", Some(Greeting)),
            ("Guten Tag", Some(Greeting)),
            ("danke!", Some(Thanks)),
            ("Thank you so much, that helps", Some(Thanks)),
            ("Hi, how long does delivery take?", None),
            ("thanks, and how do I return it?", None),
            ("can I talk to a person?", None),
            ("human please", None),
            ("Kann ich mit einem Menschen sprechen?", None),
            ("How many people fit in the tent?", None),
            ("", None),
            ("\0", None),
        ] {
            assert_eq!(SmallTalk::detect(text), expected, "{text}");
        }
    }
}
