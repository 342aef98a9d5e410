//! The help centre of the made-up shop, so that the demo's assistant knows
//! something. It stands in `help/`: one Markdown file a page, and the Q&As.

use csv::ReaderBuilder;
use uuid::Uuid;

use crate::domain::{DocumentId, ProjectSeq, QnaId, Timestamp};
use crate::learn::{Format, RawDocument};
use crate::store::Batch;
use crate::store::document::NewDocument;
use crate::store::qna::NewQna;

macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each page.
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

/// Header: question, answer.
const QNAS: &str = include_str!("help/qnas.csv");

/// The writes that teach a project the help centre. Ids count on from `first`,
/// so that they are the same in every file.
pub fn help_center(project: ProjectSeq, first: u128, at: Timestamp) -> Vec<Batch> {
    let mut ids = (first..).map(Uuid::from_u128);
    let mut id = move || ids.next().unwrap_or_default();
    let pages = PAGES
        .iter()
        .map(|(name, text)| page(project, DocumentId(id()), name, text, at));
    let mut batches: Vec<_> = pages.collect();
    let mut qnas = ReaderBuilder::new().from_reader(QNAS.as_bytes());
    let rows = qnas.records().filter_map(Result::ok);
    batches.extend(rows.map(|row| {
        let field = |column| row.get(column).unwrap_or_default().to_owned();
        let new = NewQna {
            id: QnaId(id()),
            project,
            question: field(0),
            answer: field(1),
            is_published: true,
            creator_name: Some("Maria Lindqvist".to_owned()),
            creator_image: None,
            at,
        };
        new.create()
    }));
    batches
}

fn page(project: ProjectSeq, id: DocumentId, name: &str, text: &str, at: Timestamp) -> Batch {
    let (language, slug) = name.split_once('-').unwrap_or(("en", name));
    let folder = if language == "en" { "" } else { "de/" };
    let found = RawDocument {
        url: format!("https://shop.example/help/{folder}{slug}"),
        name: name.to_owned(),
        format: Format::Markdown,
        charset: None,
        bytes: text.as_bytes().to_vec(),
    };
    let document = found.convert_ignoring_directives();
    let new = NewDocument {
        id,
        project,
        document: &document,
        hash: found.hash(),
        source: "",
        at,
    };
    new.upsert()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_page_of_the_folder_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/help");
        let files = folder.read_dir().expect("the folder");
        let names = files.map(|file| file.expect("a file").file_name());
        let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".md")?.to_owned()));
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(
            names,
            PAGES.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_qna_is_read() {
        let lines = QNAS.lines().count();
        let batches = help_center(ProjectSeq(1), 1, Timestamp(0)).len() - PAGES.len();
        assert!(
            batches > 60 && batches < lines,
            "{batches} of {lines} lines"
        );
    }
}
