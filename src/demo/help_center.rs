//! The help centre of the demo's shop: documents and Q&As that the assistant
//! answers from. The texts are in `help/`: one Markdown file per page, and
//! `qnas.csv`.

use csv::{ReaderBuilder, StringRecord};
use uuid::Uuid;

use super::DemoPlan;
use super::timeline::HOUR;
use crate::domain::{DocumentId, ProjectSeq, QnaId, Timestamp};
use crate::learn::{Format, RawDocument};
use crate::store::Batch;
use crate::store::document::NewDocument;
use crate::store::qna::NewQna;

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        /// The name and the text of each page.
        const PAGES: &[(&str, &str)] = &[$(($name, include_str!(concat!("help/", $name, ".md")))),*];
    };
}

pages! {
    "de-erstattung",
    "de-garantie-reparatur",
    "de-gutscheine",
    "de-kaffeemuehle",
    "de-kontakt",
    "de-lieferzeiten",
    "de-passwort-anmeldung",
    "de-rueckgabe",
    "de-sendungsverfolgung",
    "de-versandkosten",
    "de-wolle-waschen",
    "de-zahlungsarten",
    "en-accessibility",
    "en-baby-carrier",
    "en-bike-light",
    "en-camping-stove",
    "en-cast-iron-care",
    "en-change-cancel-order",
    "en-contact",
    "en-create-account",
    "en-customs",
    "en-damaged-parcel",
    "en-delivery-problems",
    "en-desk-lamp",
    "en-exchanges",
    "en-failed-payment",
    "en-gift-cards",
    "en-gift-wrapping",
    "en-grinder-cleaning",
    "en-headset",
    "en-invoices",
    "en-keyboard",
    "en-linen-care",
    "en-lost-parcel",
    "en-loyalty",
    "en-newsletter",
    "en-packaging",
    "en-partner-api",
    "en-partner-shops",
    "en-password-reset",
    "en-payment-methods",
    "en-preorders",
    "en-privacy",
    "en-rain-jacket",
    "en-refunds",
    "en-repairs",
    "en-returns",
    "en-shipping-costs",
    "en-shipping-times",
    "en-size-guide",
    "en-spare-parts",
    "en-standing-desk",
    "en-tracking",
    "en-two-step-login",
    "en-vat-business",
    "en-vouchers",
    "en-warranty",
    "en-wholesale",
    "en-wool-care",
    "en-workshops"
}

/// Columns: question, answer.
const QNAS: &str = include_str!("help/qnas.csv");

/// The address of the help centre, which the documents name as their source.
pub const LOCATION: &str = "https://shop.example/help/";

/// When the pages were learned.
pub fn learned_at(plan: &DemoPlan) -> Timestamp {
    Timestamp(plan.end.0 - 20 * HOUR)
}

/// The number of pages.
pub fn page_count() -> i64 {
    PAGES.len() as i64
}

/// Write batches that store the help centre in a project. The ids are
/// consecutive numbers from `first_id`, so that they are the same in every
/// database.
pub fn batches(project: ProjectSeq, first_id: u128, plan: &DemoPlan) -> Vec<Batch> {
    let at = learned_at(plan);
    let mut ids = (first_id..).map(Uuid::from_u128);
    let mut next_id = move || ids.next().unwrap_or_default();
    let mut batches = Vec::new();
    for (name, text) in PAGES {
        batches.push(page(project, DocumentId(next_id()), name, text, at));
    }
    let mut qnas = ReaderBuilder::new().from_reader(QNAS.as_bytes());
    for row in qnas.records().filter_map(Result::ok) {
        batches.push(qna(project, QnaId(next_id()), &row, at));
    }
    batches
}

fn page(project: ProjectSeq, id: DocumentId, name: &str, text: &str, at: Timestamp) -> Batch {
    let (language, slug) = name.split_once('-').unwrap_or(("en", name));
    let folder = if language == "en" { "" } else { "de/" };
    let raw = RawDocument {
        url: format!("{LOCATION}{folder}{slug}"),
        name: name.to_owned(),
        format: Format::Markdown,
        charset: None,
        bytes: text.as_bytes().to_vec(),
        folder: None,
    };
    let document = raw.convert_ignoring_directives();
    let new = NewDocument {
        id,
        project,
        document: &document,
        hash: raw.hash(),
        source: LOCATION,
        at,
    };
    new.upsert()
}

fn qna(project: ProjectSeq, id: QnaId, row: &StringRecord, at: Timestamp) -> Batch {
    let column = |index| row.get(index).unwrap_or_default().to_owned();
    let new = NewQna {
        id,
        project,
        question: column(0),
        answer: column(1),
        is_published: true,
        creator_name: Some("Maria Lindqvist".to_owned()),
        creator_image: None,
        at,
    };
    new.create()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn pages_lists_all_files_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/help");
        let files = folder.read_dir().expect("read folder");
        let names = files.map(|file| file.expect("read entry").file_name());
        let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".md")?.to_owned()));
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(
            names,
            PAGES.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
    }

    #[test]
    fn all_rows_of_the_csv_file_become_qnas() {
        let lines = QNAS.lines().count();
        let plan = DemoPlan {
            conversations: 0,
            visitors: 0,
            seed: 1,
            end: Timestamp(1_782_842_400_000),
        };
        let batches = batches(ProjectSeq(1), 1, &plan).len() - PAGES.len();
        assert!(
            batches > 60 && batches < lines,
            "{batches} of {lines} lines"
        );
    }
}
