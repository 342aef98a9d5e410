//! Whether retrieval finds what visitors ask for, over the demo's help centre:
//! `cargo test --test retrieval -- --nocapture` shows the figures.
//!
//! The thresholds and weights of `answer::retrieval` were chosen on the questions
//! in even lines alone; those in odd lines tell how it does on others. (Its table
//! of synonyms was written with all of them in view.)

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use parlor::answer::builtin::Builtin;
use parlor::answer::retrieval::{IndexCache, PassageHit, PassageSource, search};
use parlor::answer::{Answer, AnswerProvider, AnswerRequest, ChatMessage, ChatRole};
use parlor::domain::{
    Assistant, AssistantId, AssistantMode, AssistantSeq, Document, DocumentId, ProjectId,
    ProjectSeq, QnaId, Section, Timestamp,
};
use parlor::store::document::NewDocument;
use parlor::store::qna::NewQna;
use parlor::store::{Options, Store, StoreError, project};

const HELP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/help");
const UNKNOWN: &str = "This is not known.";
const QUESTIONS: &str = include_str!("retrieval/questions.tsv");

/// One line of questions.tsv.
struct Asked {
    line: usize,
    kind: &'static str,
    text: &'static str,
    expected: Vec<&'static str>,
}

fn questions() -> Vec<Asked> {
    let lines = QUESTIONS.lines().enumerate().skip(1);
    lines
        .map(|(index, line)| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            Asked {
                line: index + 1,
                kind: next(),
                text: next(),
                expected: next().split('|').filter(|name| !name.is_empty()).collect(),
            }
        })
        .collect()
}

/// A page, parted at its `## ` headings.
fn document(path: &Path) -> Document {
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

fn learn(store: &Store) {
    let (project, at) = (ProjectSeq::FIRST, Timestamp(0));
    let create = project::create(
        project,
        ProjectId::generate(),
        AssistantId::generate(),
        "Tern",
        at,
    );
    store.write_here(create).expect("a project");
    let mut paths: Vec<_> = fs::read_dir(HELP)
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
            document: &document(path),
            hash: [0; 32],
            source: "",
            at,
        };
        store.write_here(document.upsert()).expect("a document");
    }
    let mut rows = csv::Reader::from_path(format!("{HELP}/qnas.csv")).expect("the Q&As");
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
        store.write_here(qna.create()).expect("a Q&A");
    }
}

fn is_expected(found: &PassageHit, expected: &[&str]) -> bool {
    expected
        .iter()
        .any(|name| match (&found.source, name.split_once(':')) {
            (PassageSource::Qna { .. }, Some(("qna", question))) => found.title == question,
            (PassageSource::Document { url }, Some(("page", place))) => {
                let (page, heading) = place.split_once('#').unwrap_or((place, ""));
                let is_page = url.rsplit('/').next() == Some(page);
                is_page && (heading.is_empty() || found.heading == heading)
            }
            _ => false,
        })
}

/// Whether the built-in answerer knew something to say.
fn is_answered(store: &Store, builtin: &Builtin, text: &str) -> bool {
    let question = AnswerRequest {
        project: ProjectSeq::FIRST,
        assistant: Assistant {
            seq: AssistantSeq(1),
            id: AssistantId::generate(),
            name: "Assistant".to_owned(),
            mode: AssistantMode::Builtin,
            prompt: None,
            fallback: Some(UNKNOWN.to_owned()),
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
        .block_on(builtin.answer(store, question));
    match answer.expect("an answer") {
        Answer::Complete(whole) => {
            assert!(whole.text.chars().count() < 2_000, "{}", whole.text);
            whole.text != UNKNOWN
        }
        Answer::Stream(_) => panic!("the answer comes whole"),
    }
}

/// Counts of one kind of question.
#[derive(Default, Clone, Copy)]
struct Tally {
    asked: usize,
    first: usize,
    among_three: usize,
    answered: usize,
    answered_right: usize,
}

impl Tally {
    fn count(&mut self, place: Option<usize>, is_answered: bool) {
        self.asked += 1;
        self.first += usize::from(place == Some(0));
        self.among_three += usize::from(place.is_some_and(|place| place < 3));
        self.answered += usize::from(is_answered);
        self.answered_right += usize::from(is_answered && place == Some(0));
    }

    fn add(&mut self, other: &Tally) {
        self.asked += other.asked;
        self.first += other.first;
        self.among_three += other.among_three;
        self.answered += other.answered;
        self.answered_right += other.answered_right;
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.asked.max(1) as f64
    }

    fn show(&self, kind: &str) {
        println!(
            "  {kind:12} {:5} {:6.3} {:6.3} {:9.3} {:14.3}",
            self.asked,
            self.share(self.first),
            self.share(self.among_three),
            self.share(self.answered),
            self.answered_right as f64 / self.answered.max(1) as f64,
        );
    }
}

/// The tallies of each kind of question.
type Kinds = BTreeMap<&'static str, Tally>;

/// Prints the tallies; returns those of all questions that have an answer, and
/// of those that have none.
fn show(title: &str, kinds: &Kinds) -> (Tally, Tally) {
    println!("{title:14} asked  hit@1  hit@3  answered  of these right");
    let mut answerable = Tally::default();
    for (kind, tally) in kinds {
        tally.show(kind);
        if *kind != "none" {
            answerable.add(tally);
        }
    }
    answerable.show("answerable");
    (answerable, kinds.get("none").copied().unwrap_or_default())
}

#[test]
fn what_is_asked_is_found_and_what_is_not_known_is_said_to_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
    learn(&store);
    let index_cache = Arc::new(IndexCache::default());
    let builtin = Builtin::new(Arc::clone(&index_cache));
    let [mut even, mut odd, mut all] = [Kinds::new(), Kinds::new(), Kinds::new()];
    for asked in questions() {
        let hits = store.read_here(|snapshot| {
            let ranked = search(snapshot, ProjectSeq::FIRST, asked.text, 3, &index_cache)?;
            Ok::<_, StoreError>(ranked.hits)
        });
        let hits = hits.expect("a search never fails");
        let place = hits
            .iter()
            .position(|hit| is_expected(hit, &asked.expected));
        let is_answered = is_answered(&store, &builtin, asked.text);
        let half = if asked.line % 2 == 0 {
            &mut even
        } else {
            &mut odd
        };
        for kinds in [half, &mut all] {
            kinds
                .entry(asked.kind)
                .or_default()
                .count(place, is_answered);
        }
    }
    show("even lines", &even);
    show("odd lines", &odd);
    let (answerable, none) = show("all lines", &all);
    assert!(
        answerable.share(answerable.among_three) >= 0.85,
        "the right passage is among the first three"
    );
    assert!(
        none.share(none.answered) <= 0.10,
        "what is not known is not answered"
    );
}
