//! What is found, and that anything may be asked.

use super::*;
use crate::domain::{AssistantId, Document, DocumentId, ProjectId, Section, Timestamp};
use crate::store::document::{self, NewDocument};
use crate::store::{Options, Store, project};

const ONE: ProjectSeq = ProjectSeq(1);
const OTHER: ProjectSeq = ProjectSeq(2);

struct Library {
    store: Store,
    index_cache: IndexCache,
    _folder: tempfile::TempDir,
}

impl Library {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store =
            Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
        for seq in [ONE, OTHER] {
            let ids = (ProjectId::generate(), AssistantId::generate());
            let create = project::create(seq, ids.0, ids.1, "x", Timestamp(0));
            store.write_here(create).expect("a project");
        }
        Self {
            store,
            index_cache: IndexCache::default(),
            _folder: folder,
        }
    }

    fn learn(&self, project: ProjectSeq, title: &str, body: &str) -> DocumentId {
        let document = Document {
            url: format!("https://x.example/{title}"),
            title: title.to_owned(),
            sections: vec![Section {
                heading: String::new(),
                body: body.to_owned(),
            }],
        };
        let id = DocumentId::generate();
        let new = NewDocument {
            id,
            project,
            document: &document,
            hash: [0; 32],
            source: "",
            at: Timestamp(0),
        };
        self.store.write_here(new.upsert()).expect("a document");
        id
    }

    fn ask(&self, project: ProjectSeq, text: &str) -> RankedPassages {
        let ranked = self
            .store
            .read_here(|snapshot| search(snapshot, project, text, 5, &self.index_cache));
        ranked.unwrap_or_else(|error: StoreError| panic!("{text:?}: {error}"))
    }

    fn titles(&self, project: ProjectSeq, text: &str) -> Vec<String> {
        let hits = self.ask(project, text).hits;
        hits.into_iter().map(|hit| hit.title).collect()
    }
}

fn shelf() -> Library {
    let library = Library::new();
    for (title, body) in [
        ("Refunds", "The money is back within five days."),
        ("Versandkosten", "Der Versand nach Österreich kostet 5 €."),
        ("Größen", "Die Straße der Schuhgrößen: Müller misst."),
        ("Warranty", "Every backpack has a warranty of two years."),
        ("退货", "如何退货：三十天内可以退货。"),
        ("Возврат", "Как вернуть товар в магазин."),
    ] {
        library.learn(ONE, title, body);
    }
    library
}

#[test]
fn words_are_found_in_other_forms_and_with_slips() {
    let library = shelf();
    for (question, title) in [
        ("refunded", "Refunds"),
        ("refnd", "Refunds"),
        ("I want my money back", "Refunds"),
        ("waranty for bakpacks", "Warranty"),
        ("versand nach oesterreich", "Versandkosten"),
        ("Versand nach Osterreich", "Versandkosten"),
        ("VERSANDKOSTEN", "Versandkosten"),
        ("groesse", "Größen"),
        ("Grösse", "Größen"),
        ("strasse", "Größen"),
        ("mueller", "Größen"),
        ("怎么退货", "退货"),
        ("возвраты", "Возврат"),
    ] {
        let found = library.titles(ONE, question);
        assert_eq!(found.first().map(String::as_str), Some(title), "{question}");
    }
}

#[test]
fn any_text_can_be_searched_for() {
    let library = shelf();
    let long = "warranty \"NEAR( ".repeat(1_000);
    let deep = "é".repeat(10_000);
    for text in [
        "",
        " ",
        "\0",
        "?!…",
        "\"",
        "'",
        "a\"b",
        "AND OR NOT",
        "NEAR(a b, 2)",
        "title:x",
        "^a*",
        "-",
        "--",
        "{}",
        "(",
        "); DROP TABLE passage; --",
        "%_",
        "\u{202E}\u{FEFF}",
        "🧶🧶",
        "ข้อความ",
        "מה שלומך",
        "كيف أعيد",
        "l'",
        "'s",
        "’",
        "\u{301}",
        &long,
        &deep,
    ] {
        let ranked = library.ask(ONE, text);
        assert!(
            ranked
                .hits
                .iter()
                .all(|hit| (0.0..=1.0).contains(&hit.score)),
            "{text:?}"
        );
    }
    assert_eq!(library.ask(ONE, "?!…"), RankedPassages::default());
    assert_eq!(library.titles(ONE, &long)[0], "Warranty");
}

#[test]
fn a_project_never_sees_anothers_passages() {
    let library = shelf();
    library.learn(OTHER, "Warranty of another", "Every warranty is void.");
    assert_eq!(
        library.titles(OTHER, "warranty refunds"),
        ["Warranty of another"]
    );
    assert_eq!(library.titles(ONE, "warranty"), ["Warranty"]);
    assert_eq!(
        library.ask(ProjectSeq(3), "warranty"),
        RankedPassages::default()
    );
}

#[test]
fn the_index_follows_what_is_learned_and_forgotten() {
    let library = shelf();
    assert_eq!(library.titles(ONE, "kayak"), [""; 0]);
    let id = library.learn(ONE, "Kayaks", "A kayak floats.");
    assert_eq!(library.titles(ONE, "kayak"), ["Kayaks"]);
    library
        .store
        .write_here(document::delete(ONE, id))
        .expect("a write");
    assert_eq!(library.titles(ONE, "kayak"), [""; 0]);
    library.learn(ONE, "Canoes", "A canoe floats.");
    assert_eq!(library.titles(ONE, "kayak"), [""; 0]);
    library.learn(ONE, "Canoes", "A kayak is no canoe.");
    assert_eq!(library.titles(ONE, "kayak"), ["Canoes"]);
}

#[test]
fn the_same_is_found_whatever_was_learned_and_forgotten_before() {
    let (one, other) = (shelf(), shelf());
    one.ask(ONE, "warranty");
    let id = one.learn(
        ONE,
        "Passing",
        "A warranty that does not stay, nor refunds.",
    );
    one.ask(ONE, "warranty");
    one.store
        .write_here(document::delete(ONE, id))
        .expect("a write");
    for question in ["warranty refund", "money", "waranty", "versand"] {
        let told = |library: &Library| {
            let ranked = library.ask(ONE, question);
            let hits = ranked.hits.into_iter().map(|hit| (hit.title, hit.score));
            (hits.collect::<Vec<_>>(), ranked.confident)
        };
        assert_eq!(told(&one), told(&other));
    }
}

#[test]
fn what_is_asked_in_words_that_nobody_wrote_is_not_known() {
    let library = shelf();
    assert!(
        library
            .ask(ONE, "What warranty does a backpack have?")
            .confident
    );
    assert!(
        !library
            .ask(ONE, "What is the capital of Mongolia?")
            .confident
    );
}
