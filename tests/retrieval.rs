//! Measures the quality of the search with questions about the demo's help
//! centre. `cargo test --test retrieval -- --nocapture` prints the figures.
//!
//! The weights, thresholds and synonyms of `answer::retrieval` were tuned with all
//! questions in view.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use parlor::answer::builtin::BuiltinProvider;
use parlor::answer::retrieval::{IndexCache, PassageHit, PassageSource, search};
use parlor::answer::{Answer, AnswerProvider, AnswerRequest, ChatMessage, ChatRole};
use parlor::domain::{
    Assistant, AssistantId, AssistantMode, AssistantSeq, Document, DocumentId, ProjectId,
    ProjectSeq, QnaId, Section, Timestamp,
};
use parlor::store::document::NewDocument;
use parlor::store::qna::NewQna;
use parlor::store::{Options, Store, StoreError, project};

const HELP_CENTRE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/help");
/// The answer to a question that the provider cannot answer.
const FALLBACK: &str = "This is not known.";
const QUESTIONS: &str = include_str!("retrieval/questions.tsv");

/// A line of questions.tsv (see tests/retrieval/README.md).
struct TestQuestion {
    line: usize,
    kind: &'static str,
    text: &'static str,
    expected: Vec<&'static str>,
}

fn test_questions() -> Vec<TestQuestion> {
    let lines = QUESTIONS.lines().enumerate().skip(1);
    lines
        .map(|(index, line)| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            TestQuestion {
                line: index + 1,
                kind: next(),
                text: next(),
                expected: next().split('|').filter(|name| !name.is_empty()).collect(),
            }
        })
        .collect()
}

/// Reads a Markdown page. Each `## ` heading begins a section.
fn read_document(path: &Path) -> Document {
    let text = fs::read_to_string(path).expect("a page");
    let name = path.file_stem().expect("a name").to_string_lossy();
    let mut parts = text.split("\n## ");
    let first = parts.next().expect("a title");
    let (title, introduction) = first.split_once('\n').unwrap_or((first, ""));
    let introduction = ("", introduction.trim());
    let sections = parts.map(|part| part.split_once('\n').unwrap_or((part, "")));
    Document {
        url: format!("https://shop.example/help/{name}"),
        title: title.trim_start_matches("# ").trim().to_owned(),
        description: String::new(),
        sections: std::iter::once(introduction)
            .filter(|(_, body)| !body.is_empty())
            .chain(sections)
            .map(|(heading, body)| Section {
                heading: heading.trim().to_owned(),
                body: body.trim().to_owned(),
            })
            .collect(),
    }
}

/// Adds the documents and Q&As of the help centre.
fn add_help_centre(store: &Store) {
    let (project, at) = (ProjectSeq::FIRST, Timestamp(0));
    let create = project::create(
        project,
        ProjectId::generate(),
        AssistantId::generate(),
        "Tern",
        at,
    );
    store.write_blocking(create).expect("a project");
    let mut paths: Vec<_> = fs::read_dir(HELP_CENTRE)
        .expect("the help centre")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
    {
        let document = NewDocument {
            id: DocumentId::generate(),
            project,
            document: &read_document(path),
            hash: [0; 32],
            source: "",
            at,
        };
        store.write_blocking(document.upsert()).expect("a document");
    }
    let mut rows = csv::Reader::from_path(format!("{HELP_CENTRE}/qnas.csv")).expect("the Q&As");
    for row in rows.records() {
        let row = row.expect("a row");
        let qna = NewQna {
            id: QnaId::generate(),
            project,
            question: row[0].to_owned(),
            answer: row[1].to_owned(),
            is_published: true,
            creator_name: None,
            creator_image: None,
            at,
        };
        store.write_blocking(qna.create()).expect("a Q&A");
    }
}

/// Whether a hit is one of the expected pages or Q&As. The search returns a page once,
/// so the section is not compared.
fn is_expected(hit: &PassageHit, expected: &[&str]) -> bool {
    expected
        .iter()
        .any(|name| match (&hit.source, name.split_once(':')) {
            (PassageSource::Qna { .. }, Some(("qna", question))) => hit.title == question,
            (PassageSource::Document { url }, Some(("page", place))) => {
                let (page, _) = place.split_once('#').unwrap_or((place, ""));
                url.rsplit('/').next() == Some(page)
            }
            _ => false,
        })
}

/// Whether the built-in provider answers a question.
fn is_answered(store: &Arc<Store>, builtin: &BuiltinProvider, text: &str) -> bool {
    let request = AnswerRequest {
        project: ProjectSeq::FIRST,
        assistant: Assistant {
            seq: AssistantSeq(1),
            id: AssistantId::generate(),
            name: "Assistant".to_owned(),
            mode: AssistantMode::Builtin,
            prompt: None,
            fallback: Some(FALLBACK.to_owned()),
        },
        messages: vec![ChatMessage {
            role: ChatRole::User,
            content: text.to_owned(),
        }],
        page: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = runtime
        .expect("a runtime")
        .block_on(builtin.answer(store, request));
    match answer.expect("an answer") {
        Answer::Complete(answer) => {
            assert!(answer.text.chars().count() < 2_000, "{}", answer.text);
            assert_eq!(answer.finish.is_refusal, answer.text.starts_with(FALLBACK));
            !answer.finish.is_refusal
        }
        Answer::Stream(_) => panic!("the built-in provider returns complete answers"),
    }
}

/// The results of one kind of question.
#[derive(Default, Clone, Copy)]
struct Tally {
    questions: usize,
    /// An expected source is the best hit, or one of the best three.
    hit_at_1: usize,
    hit_at_3: usize,
    answered: usize,
    answered_correctly: usize,
}

impl Tally {
    fn count(&mut self, position: Option<usize>, is_answered: bool) {
        self.questions += 1;
        self.hit_at_1 += usize::from(position == Some(0));
        self.hit_at_3 += usize::from(position.is_some_and(|position| position < 3));
        self.answered += usize::from(is_answered);
        self.answered_correctly += usize::from(is_answered && position == Some(0));
    }

    fn add(&mut self, other: &Tally) {
        self.questions += other.questions;
        self.hit_at_1 += other.hit_at_1;
        self.hit_at_3 += other.hit_at_3;
        self.answered += other.answered;
        self.answered_correctly += other.answered_correctly;
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.questions.max(1) as f64
    }

    fn print(&self, kind: &str) {
        println!(
            "  {kind:12} {:5} {:6.3} {:6.3} {:9.3} {:14.3}",
            self.questions,
            self.share(self.hit_at_1),
            self.share(self.hit_at_3),
            self.share(self.answered),
            self.answered_correctly as f64 / self.answered.max(1) as f64,
        );
    }
}

/// The tallies by kind of question.
type TalliesByKind = BTreeMap<&'static str, Tally>;

/// Prints the tallies. Returns the tally of the questions that have an answer, and
/// of those that have none.
fn print_tallies(title: &str, tallies: &TalliesByKind) -> (Tally, Tally) {
    println!("{title:14} count  hit@1  hit@3  answered  of these right");
    let mut answerable = Tally::default();
    for (kind, tally) in tallies {
        tally.print(kind);
        if *kind != "none" {
            answerable.add(tally);
        }
    }
    answerable.print("answerable");
    (answerable, tallies.get("none").copied().unwrap_or_default())
}

#[test]
fn search_finds_known_answers_and_rejects_unknown_questions() {
    let directory = tempfile::tempdir().expect("a directory");
    let store =
        Store::open(&directory.path().join("parlor.db"), &Options::default()).expect("a database");
    add_help_centre(&store);
    let store = Arc::new(store);
    let index_cache = Arc::new(IndexCache::default());
    let builtin = BuiltinProvider::new(Arc::clone(&index_cache));
    let [mut even, mut odd, mut all] = [
        TalliesByKind::new(),
        TalliesByKind::new(),
        TalliesByKind::new(),
    ];
    for question in test_questions() {
        let hits = store.read_blocking(|snapshot| {
            let ranked = search(snapshot, ProjectSeq::FIRST, question.text, 3, &index_cache)?;
            Ok::<_, StoreError>(ranked.hits)
        });
        let hits = hits.expect("a search never fails");
        let position = hits
            .iter()
            .position(|hit| is_expected(hit, &question.expected));
        let is_answered = is_answered(&store, &builtin, question.text);
        let half = if question.line % 2 == 0 {
            &mut even
        } else {
            &mut odd
        };
        for tallies in [half, &mut all] {
            tallies
                .entry(question.kind)
                .or_default()
                .count(position, is_answered);
        }
    }
    print_tallies("even lines", &even);
    print_tallies("odd lines", &odd);
    let (answerable, none) = print_tallies("all lines", &all);
    assert!(
        answerable.share(answerable.hit_at_3) >= 0.91,
        "an expected source is among the first three hits"
    );
    assert!(
        none.share(none.answered) <= 0.10,
        "unknown questions are not answered"
    );
}
