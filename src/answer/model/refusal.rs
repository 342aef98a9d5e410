//! Detects answers with which the model says that it does not know.

use crate::domain::Assistant;

/// Reads the text of an answer.
#[derive(Debug, Default)]
pub struct RefusalDetector {
    /// Whether the search has found nothing that the answer could be based on.
    lacks_knowledge: bool,
    /// The text that the model was told to say if it does not know the answer.
    fallback: Option<String>,
    /// The answer so far, if there is a fallback.
    text: String,
}

impl RefusalDetector {
    pub fn new(assistant: &Assistant, lacks_knowledge: bool) -> Self {
        let fallback = assistant.fallback.as_deref().map(normalize);
        Self {
            lacks_knowledge,
            fallback: fallback.filter(|text| !text.is_empty()),
            text: String::new(),
        }
    }

    /// Reads the next part of the answer.
    pub fn scan(&mut self, part: &str) {
        if self.fallback.is_some() {
            self.text.push_str(part);
        }
    }

    /// Whether the answer, of which all parts were read, is a refusal.
    pub fn is_refusal(&self) -> bool {
        let text = || normalize(&self.text);
        let has_fallback = |fallback: &String| text().contains(fallback);
        self.lacks_knowledge || self.fallback.as_ref().is_some_and(has_fallback)
    }
}

/// The words of a text in lower case, without punctuation.
fn normalize(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AssistantId, AssistantMode, AssistantSeq};

    fn detector(fallback: Option<&str>, lacks_knowledge: bool) -> RefusalDetector {
        let assistant = Assistant {
            seq: AssistantSeq(1),
            id: AssistantId::generate(),
            name: "Tern".to_owned(),
            mode: AssistantMode::Model,
            prompt: None,
            fallback: fallback.map(str::to_owned),
        };
        RefusalDetector::new(&assistant, lacks_knowledge)
    }

    #[test]
    fn an_answer_with_the_fallback_is_a_refusal() {
        for (parts, expected) in [
            (&["Sorry! I do ", "not know **that**."][..], true),
            (&["I do not know of any limit."], false),
            (&[], false),
        ] {
            let mut detector = detector(Some("I do not know that."), false);
            parts.iter().for_each(|part| detector.scan(part));
            assert_eq!(detector.is_refusal(), expected, "{parts:?}");
        }
    }

    #[test]
    fn an_answer_without_knowledge_is_a_refusal() {
        for lacks_knowledge in [true, false] {
            let mut detector = detector(None, lacks_knowledge);
            detector.scan("Perhaps.");
            assert_eq!(detector.is_refusal(), lacks_knowledge);
        }
        assert!(!detector(Some(" ."), false).is_refusal());
    }
}
