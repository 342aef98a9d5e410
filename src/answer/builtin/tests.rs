//! Tests of the built-in answers.

use super::*;
use crate::answer::{AnswerProvider, ChatMessage, ChatRole, VisitorPage};
use crate::domain::{
    Assistant, AssistantId, AssistantMode, AssistantSeq, Document, DocumentId, ProjectId,
    ProjectSeq, QnaId, Section, Timestamp,
};
use crate::store::document::NewDocument;
use crate::store::qna::NewQna;
use crate::store::{Options, project};

/// A database with one project, and the provider.
struct ProjectFixture {
    store: Arc<Store>,
    builtin: BuiltinProvider,
    _directory: tempfile::TempDir,
}

impl ProjectFixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(&directory.path().join("parlor.db"), &Options::default())
            .expect("a database");
        let ids = (ProjectId::generate(), AssistantId::generate());
        let create = project::create(ProjectSeq::FIRST, ids.0, ids.1, "Tern", Timestamp(0));
        store.write_blocking(create).expect("a project");
        Self {
            store: Arc::new(store),
            builtin: BuiltinProvider::default(),
            _directory: directory,
        }
    }

    fn add_document(&self, url: &str, title: &str, sections: &[(&str, &str)]) {
        let sections = sections.iter().map(|(heading, body)| Section {
            heading: (*heading).to_owned(),
            body: (*body).to_owned(),
        });
        let document = Document {
            url: url.to_owned(),
            title: title.to_owned(),
            description: String::new(),
            sections: sections.collect(),
        };
        let document = NewDocument {
            id: DocumentId::generate(),
            project: ProjectSeq::FIRST,
            document: &document,
            hash: [0; 32],
            source: "",
            at: Timestamp(0),
        };
        self.store
            .write_blocking(document.upsert())
            .expect("a document");
    }

    fn add_qna(&self, question: &str, answer: &str) {
        let qna = NewQna {
            id: QnaId::generate(),
            project: ProjectSeq::FIRST,
            question: question.to_owned(),
            answer: answer.to_owned(),
            is_published: true,
            creator_name: None,
            creator_image: None,
            at: Timestamp(0),
        };
        self.store.write_blocking(qna.create()).expect("a Q&A");
    }

    /// A project of a shop with two documents and a Q&A.
    fn shop() -> Self {
        let fixture = Self::new();
        fixture.add_document(
            "https://tern.example/shipping",
            "Shipping",
            &[
                (
                    "Costs",
                    "| Country | Price |\n|---|---|\n| Norway | €9 |\n| Spain | €7 |",
                ),
                (
                    "Time",
                    "Delivery takes **two days**. In winter it takes three.",
                ),
            ],
        );
        fixture.add_document(
            "file:wool.md",
            "Wool",
            &[("Washing", "Wash wool at 30 °C.")],
        );
        fixture.add_qna(
            "Do you ship to a PO box?",
            "Yes, *always*.\n\n[1]: kept as it is",
        );
        fixture
    }

    fn answer(&self, messages: &[&str]) -> String {
        self.answer_with(messages, None, None)
    }

    fn answer_with(
        &self,
        messages: &[&str],
        fallback: Option<&str>,
        page: Option<VisitorPage>,
    ) -> String {
        let request = AnswerRequest {
            project: ProjectSeq::FIRST,
            assistant: Assistant {
                seq: AssistantSeq(1),
                id: AssistantId::generate(),
                name: "Assistant".to_owned(),
                mode: AssistantMode::Builtin,
                prompt: None,
                fallback: fallback.map(str::to_owned),
            },
            messages: messages
                .iter()
                .map(|text| ChatMessage {
                    role: ChatRole::User,
                    content: (*text).to_owned(),
                })
                .collect(),
            page,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let answer = self.builtin.answer(&self.store, request);
        match runtime
            .expect("a runtime")
            .block_on(answer)
            .expect("an answer")
        {
            Answer::Complete(CompleteAnswer { text, finish }) => {
                let unknown = Language::ALL.map(small_talk::unknown_reply);
                let mut refusals = unknown.into_iter().chain(fallback);
                let is_refusal = refusals.any(|begin| text.starts_with(begin));
                let expected = FinishDetails {
                    is_refusal,
                    ..FinishDetails::default()
                };
                assert_eq!(finish, expected);
                text
            }
            Answer::Stream(_) => panic!("the built-in provider returns complete answers"),
        }
    }
}

const UNKNOWN: &str = "I'm sorry, I don't know that.";
const UNKNOWN_IN_GERMAN: &str = "Das weiß ich leider nicht.";

#[test]
fn document_is_quoted_and_cited() {
    assert_eq!(
        ProjectFixture::shop().answer(&["How long does delivery take?"]),
        "Delivery takes **two days**. In winter it takes three. [1]\n\n\
         [1]: https://tern.example/shipping \"Shipping\""
    );
}

#[test]
fn document_without_web_address_is_quoted_and_not_cited() {
    assert_eq!(
        ProjectFixture::shop().answer(&["how do I wash wool"]),
        "Wash wool at 30 °C."
    );
}

#[test]
fn qna_answer_is_returned_unchanged() {
    assert_eq!(
        ProjectFixture::shop().answer(&["do you ship to PO boxes"]),
        "Yes, *always*.\n\n[1]: kept as it is"
    );
}

#[test]
fn short_question_is_combined_with_previous_message_or_selection() {
    let fixture = ProjectFixture::shop();
    let answer = fixture.answer(&["What does shipping to Spain cost?", "and to Norway?"]);
    assert!(answer.contains("| Norway | €9 |"), "{answer}");
    let page = VisitorPage {
        selection: Some("Washing wool".to_owned()),
        ..VisitorPage::default()
    };
    let answer = fixture.answer_with(&["how does this work?"], None, Some(page));
    assert_eq!(answer, "Wash wool at 30 °C.");
}

#[test]
fn unknown_question_is_answered_in_the_visitors_language() {
    for fixture in [ProjectFixture::shop(), ProjectFixture::new()] {
        assert!(
            fixture
                .answer(&["Who won the football match?"])
                .starts_with(UNKNOWN)
        );
        assert!(
            fixture
                .answer(&["Wer hat das Spiel gewonnen?"])
                .starts_with(UNKNOWN_IN_GERMAN)
        );
        assert_eq!(
            fixture.answer(&["ποιος κέρδισε;"]),
            small_talk::unknown_reply(Language::Greek)
        );
        assert!(fixture.answer(&[""]).starts_with(UNKNOWN));
        assert!(fixture.answer(&[]).starts_with(UNKNOWN));
        assert_eq!(
            fixture.answer_with(&["Who won?"], Some("Ask Ann."), None),
            "Ask Ann."
        );
    }
}

#[test]
fn small_talk_has_standard_replies() {
    let fixture = ProjectFixture::shop();
    assert_eq!(fixture.answer(&["hi"]), "Hello! How can I help you?");
    assert_eq!(
        fixture.answer(&["¿Cuánto cuesta el envío a España?", "ok, bye"]),
        "¡Hasta pronto! Vuelva cuando tenga una pregunta."
    );
    assert_eq!(
        fixture.answer(&["Wie lange dauert die Lieferung?", "danke!"]),
        "Gern geschehen! Wenn noch etwas ist, fragen Sie einfach."
    );
    let answer = fixture.answer(&["Can I talk to a person?"]);
    assert_eq!(
        answer,
        handover::handover_text(handover::Language::English, &NOBODY_IS_THERE)
    );
}

/// A project with a page of so many steps.
fn mill(step_count: usize) -> ProjectFixture {
    let fixture = ProjectFixture::new();
    let step = |number: usize| {
        format!(
            "{number}. Turn the knob of the okapi mill to the mark that says step {number} and wait until it hums, then let go of it slowly and carefully."
        )
    };
    let steps: Vec<_> = (1..=step_count).map(step).collect();
    fixture.add_document(
        "https://tern.example/mill",
        "Okapi mill",
        &[("Cleaning", &steps.join("\n"))],
    );
    fixture
}

#[test]
fn list_of_steps_is_quoted_completely_unless_it_is_very_long() {
    let answer = mill(8).answer(&["how do I clean the okapi mill?"]);
    assert!(answer.contains("1. Turn the knob"), "{answer}");
    assert!(answer.contains("\n8. Turn the knob"), "{answer}");
    let answer = mill(20).answer(&["how do I clean the okapi mill?"]);
    assert!(answer.contains("1. Turn the knob"), "{answer}");
    assert!(answer.contains("\n…") && answer.contains("[1]: https://tern.example/mill"));
}

#[test]
fn refusal_names_the_best_page_without_citing_it() {
    let fixture = ProjectFixture::shop();
    for number in 0..30 {
        let title = format!("Page {number}");
        let url = format!("https://tern.example/{number}");
        let text = format!("Everything about article {number}.");
        fixture.add_document(&url, &title, &[("", &text)]);
    }
    let question = "Do you ship tents to teachers?";
    for fallback in [None, Some("Ask Ann.")] {
        let answer = fixture.answer_with(&[question], fallback, None);
        assert!(answer.starts_with(fallback.unwrap_or(UNKNOWN)), "{answer}");
        assert!(
            answer.contains("This page may help: [Shipping](https://tern.example/shipping)"),
            "{answer}"
        );
        assert!(!answer.contains("[1]"), "{answer}");
    }
}

#[test]
fn follow_up_refers_to_earlier_messages_and_to_the_cited_page() {
    let fixture = ProjectFixture::shop();
    for (title, text) in [
        ("Contact", "The office is in Oslo."),
        ("Repairs", "A repair takes ten days."),
    ] {
        let url = format!("https://tern.example/{title}");
        fixture.add_document(&url, title, &[("", text)]);
    }
    for follow_up in ["and to Norway?", "what about Norway?"] {
        let answer = fixture.answer(&["What does shipping to Spain cost?", follow_up]);
        assert!(answer.contains("| Norway | €9 |"), "{answer}");
    }
    let answer = fixture.answer(&[
        "What does shipping to Spain cost?",
        "How many days does a repair take?",
    ]);
    assert!(answer.contains("ten days"), "{answer}");
}

#[test]
fn sources_are_outside_of_code_blocks() {
    let fixture = ProjectFixture::new();
    fixture.add_document(
        "https://tern.example/okapi",
        "Okapi",
        &[("Code", "Okapi code:\n\n~~~\nokapi()")],
    );
    let answer = fixture.answer(&["what is the okapi code?"]);
    assert!(answer.contains("okapi()\n~~~\n\n[1]"), "{answer}");
}
