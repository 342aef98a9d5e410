//! What visitors are answered.

use super::*;
use crate::answer::{AnswerProvider, ChatMessage, VisitorPage};
use crate::domain::{
    Assistant, AssistantId, AssistantMode, AssistantSeq, Document, DocumentId, ProjectId, QnaId,
    Section, Timestamp,
};
use crate::store::document::NewDocument;
use crate::store::qna::NewQna;
use crate::store::{Options, project};

struct Desk {
    store: Store,
    builtin: Builtin,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store =
            Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
        let ids = (ProjectId::generate(), AssistantId::generate());
        let create = project::create(ProjectSeq::FIRST, ids.0, ids.1, "Tern", Timestamp(0));
        store.write_here(create).expect("a project");
        Self {
            store,
            builtin: Builtin::default(),
            _folder: folder,
        }
    }

    fn document(&self, url: &str, title: &str, sections: &[(&str, &str)]) {
        let sections = sections.iter().map(|(heading, body)| Section {
            heading: (*heading).to_owned(),
            body: (*body).to_owned(),
        });
        let document = Document {
            url: url.to_owned(),
            title: title.to_owned(),
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
            .write_here(document.upsert())
            .expect("a document");
    }

    fn qna(&self, question: &str, answer: &str) {
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
        self.store.write_here(qna.create()).expect("a Q&A");
    }

    fn shop() -> Self {
        let desk = Self::new();
        desk.document(
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
        desk.document(
            "file:wool.md",
            "Wool",
            &[("Washing", "Wash wool at 30 °C.")],
        );
        desk.qna(
            "Do you ship to a PO box?",
            "Yes, *always*.\n\n[1]: kept as it is",
        );
        desk
    }

    fn hear(&self, messages: &[&str]) -> String {
        self.hear_with(messages, None, None)
    }

    fn hear_with(
        &self,
        messages: &[&str],
        fallback: Option<&str>,
        page: Option<VisitorPage>,
    ) -> String {
        let question = AnswerRequest {
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
        let answer = self.builtin.answer(&self.store, question);
        match runtime
            .expect("a runtime")
            .block_on(answer)
            .expect("an answer")
        {
            Answer::Complete(CompleteAnswer { text, finish }) => {
                assert_eq!(finish, FinishDetails::default());
                text
            }
            Answer::Stream(_) => panic!("the answer comes whole"),
        }
    }
}

const UNKNOWN: &str = "I'm sorry, I don't know that.";

#[test]
fn a_document_is_quoted_and_cited() {
    assert_eq!(
        Desk::shop().hear(&["How long does delivery take?"]),
        "Delivery takes **two days**. In winter it takes three. [1]\n\n\
         [1]: https://tern.example/shipping \"Shipping\""
    );
}

#[test]
fn a_file_without_an_address_is_quoted_and_not_cited() {
    assert_eq!(
        Desk::shop().hear(&["how do I wash wool"]),
        "Wash wool at 30 °C."
    );
}

#[test]
fn the_answer_of_a_qna_is_given_as_it_was_written() {
    assert_eq!(
        Desk::shop().hear(&["do you ship to PO boxes"]),
        "Yes, *always*.\n\n[1]: kept as it is"
    );
}

#[test]
fn a_short_question_leans_on_the_one_before() {
    let desk = Desk::shop();
    let answer = desk.hear(&["What does shipping to Spain cost?", "and to Norway?"]);
    assert!(answer.contains("| Norway | €9 |"), "{answer}");
    let page = VisitorPage {
        selection: Some("Washing wool".to_owned()),
        ..VisitorPage::default()
    };
    let answer = desk.hear_with(&["how does this work?"], None, Some(page));
    assert_eq!(answer, "Wash wool at 30 °C.");
}

#[test]
fn what_is_not_known_is_said_in_the_visitors_language() {
    for desk in [Desk::shop(), Desk::new()] {
        assert!(
            desk.hear(&["Who won the football match?"])
                .starts_with(UNKNOWN)
        );
        assert!(
            desk.hear(&["Wer hat das Spiel gewonnen?"])
                .starts_with("Das weiß ich leider")
        );
        assert!(desk.hear(&["ποιος κέρδισε;"]).starts_with(UNKNOWN));
        assert!(desk.hear(&[""]).starts_with(UNKNOWN));
        assert!(desk.hear(&[]).starts_with(UNKNOWN));
        assert_eq!(
            desk.hear_with(&["Who won?"], Some("Ask Ann."), None),
            "Ask Ann."
        );
    }
}

#[test]
fn a_greeting_is_returned_and_a_person_is_offered() {
    let desk = Desk::shop();
    assert_eq!(desk.hear(&["hi"]), "Hello! How can I help you?");
    assert_eq!(
        desk.hear(&["Wie lange dauert die Lieferung?", "danke!"]),
        "Gern geschehen! Wenn noch etwas ist, fragen Sie einfach."
    );
    assert!(
        desk.hear(&["Can I talk to a person?"])
            .starts_with("Of course")
    );
}

#[test]
fn a_list_too_long_for_an_answer_is_begun() {
    let desk = Desk::new();
    let step = |number: usize| {
        format!(
            "{number}. ChatMessage the knob of the okapi mill to the mark that says step {number} and wait until it hums, then let go of it slowly and carefully."
        )
    };
    let steps: Vec<_> = (1..=8).map(step).collect();
    desk.document(
        "https://tern.example/mill",
        "Okapi mill",
        &[("Cleaning", &steps.join("\n"))],
    );
    let answer = desk.hear(&["how do I clean the okapi mill?"]);
    assert!(answer.starts_with("1. ChatMessage the knob"), "{answer}");
    assert!(answer.contains("\n…") && answer.contains("[1]: https://tern.example/mill"));
}

#[test]
fn sources_never_stand_in_a_block_of_code() {
    let desk = Desk::new();
    desk.document(
        "https://tern.example/okapi",
        "Okapi",
        &[("Code", "Okapi code:\n\n~~~\nokapi()")],
    );
    let answer = desk.hear(&["what is the okapi code?"]);
    assert!(answer.contains("okapi()\n~~~\n\n[1]"), "{answer}");
}
