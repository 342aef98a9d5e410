//! What is said where nothing has to be looked up.

use crate::answer::retrieval::{Language, tokenize};

/// What a visitor says that is no question about anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallTalk {
    Greeting,
    Thanks,
    /// They want to talk to a person.
    Person,
}

/// The most words of a greeting or of thanks.
const FEW: usize = 8;

const GREETING: &[&str] = &[
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
const TIME_OF_DAY: &[&str] = &[
    "morning",
    "afternoon",
    "evening",
    "morgen",
    "tag",
    "abend",
    "gott",
];
const THANKS: &[&str] = &[
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
/// What goes with a greeting or with thanks and asks for nothing.
const FILLING: &[&str] = &[
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
const PERSON: &[&str] = &[
    "human",
    "humans",
    "person",
    "agent",
    "representative",
    "operator",
    "mensch",
    "menschen",
    "mitarbeiter",
    "mitarbeiterin",
    "kundenberater",
    "berater",
];
const TALK: &[&str] = &[
    "talk",
    "speak",
    "chat",
    "connect",
    "transfer",
    "real",
    "live",
    "sprechen",
    "reden",
    "verbinden",
    "verbinde",
    "echten",
    "echte",
    "richtigen",
    "spreche",
];

impl SmallTalk {
    /// What a text is, if it is nothing else.
    pub fn of(text: &str) -> Option<Self> {
        let mut all = Vec::new();
        tokenize(text, |word| all.push(word.to_owned()));
        let has = |list: &[&str]| all.iter().any(|word| list.contains(&word.as_str()));
        let filling = [GREETING, TIME_OF_DAY, THANKS, FILLING];
        let is_filling = |word: &String| filling.iter().any(|list| list.contains(&word.as_str()));
        let is_small = all.len() <= FEW && all.iter().all(is_filling);
        let wishes = has(&["good", "guten", "schonen", "gruss"]) && has(TIME_OF_DAY);
        if is_small && has(THANKS) {
            Some(Self::Thanks)
        } else if is_small && (has(GREETING) || wishes) {
            Some(Self::Greeting)
        } else if has(PERSON) && (has(TALK) || all.len() <= 2) {
            Some(Self::Person)
        } else {
            None
        }
    }
}

/// What is answered to it; none: to a question whose answer is not known.
pub fn sentence(talk: Option<SmallTalk>, language: Language) -> &'static str {
    match (talk, language) {
        (Some(SmallTalk::Greeting), Language::English) => "Hello! How can I help you?",
        (Some(SmallTalk::Greeting), Language::German) => "Hallo! Wie kann ich Ihnen helfen?",
        (Some(SmallTalk::Thanks), Language::English) => {
            "You're welcome! If there is anything else, just ask."
        }
        (Some(SmallTalk::Thanks), Language::German) => {
            "Gern geschehen! Wenn noch etwas ist, fragen Sie einfach."
        }
        (Some(SmallTalk::Person), Language::English) => {
            "Of course: I can pass this to a person of the team. Leave your e-mail address and what \
             it is about, and somebody will get back to you."
        }
        (Some(SmallTalk::Person), Language::German) => {
            "Natürlich: Ich kann das an einen Menschen aus dem Team weitergeben. Hinterlassen Sie \
             Ihre E-Mail-Adresse und worum es geht, dann meldet sich jemand bei Ihnen."
        }
        (None, Language::English) => {
            "I'm sorry, I don't know that. I can pass this to a person of the team: just say so or \
             leave your e-mail address."
        }
        (None, Language::German) => {
            "Das weiß ich leider nicht. Ich kann es an einen Menschen aus dem Team weitergeben: \
             Sagen Sie einfach Bescheid oder hinterlassen Sie Ihre E-Mail-Adresse."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SmallTalk::{self, Greeting, Person, Thanks};

    #[test]
    fn small_talk_is_told_from_questions() {
        for (text, expected) in [
            ("hi", Some(Greeting)),
            ("Good morning!", Some(Greeting)),
            ("Guten Tag", Some(Greeting)),
            ("danke!", Some(Thanks)),
            ("Thank you so much, that helps", Some(Thanks)),
            ("Hi, how long does delivery take?", None),
            ("thanks, and how do I return it?", None),
            ("can I talk to a person?", Some(Person)),
            ("human please", Some(Person)),
            ("Kann ich mit einem Menschen sprechen?", Some(Person)),
            ("How many people fit in the tent?", None),
            ("", None),
            ("\0", None),
        ] {
            assert_eq!(SmallTalk::of(text), expected, "{text}");
        }
    }
}
