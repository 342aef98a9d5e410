//! What the assistant knows, and the import of an export.

use super::Pair;
use super::pair::PROJECT;
use super::settings::set;
use crate::domain::{
    Document, DocumentId, Limit, Offset, ProjectChange, QnaId, RunReport, Section, SourceKind,
    Timestamp, VisitorSeq,
};
use crate::store::batch::Batch;
use crate::store::document::{self, NewDocument};
use crate::store::embedding::{self, EmbeddingKey};
use crate::store::import;
use crate::store::qna::{self, NewQna, QnaChange, QnaQuery};
use crate::store::rejection::Rejection;
use crate::store::snapshot::Snapshot;
use crate::store::{passage, project, source};

fn document(url: &str, body: &str) -> Document {
    Document {
        url: url.to_owned(),
        title: "Shipping".to_owned(),
        description: String::new(),
        sections: vec![Section {
            heading: "Time".to_owned(),
            body: body.to_owned(),
        }],
    }
}

#[test]
fn knowledge_is_stored_in_the_same_way() {
    let Some(pair) = Pair::with_project() else {
        return;
    };
    let location = "https://shop.example/";
    pair.write(source::begin_run(
        PROJECT,
        location,
        SourceKind::Website,
        Timestamp(10),
    ));
    for (url, body) in [
        ("b", "Two days"),
        ("a", "Three days"),
        ("b", "Two days or three"),
    ] {
        let stored = NewDocument {
            id: DocumentId::generate(),
            project: PROJECT,
            document: &document(url, body),
            hash: [9; 32],
            source: location,
            at: Timestamp(11),
        };
        pair.write(stored.upsert());
    }
    let taken = NewDocument {
        id: DocumentId::generate(),
        project: PROJECT,
        document: &document("a", "x"),
        hash: [9; 32],
        source: "",
        at: Timestamp(11),
    };
    pair.rejected(taken.upsert_with_id(), Rejection::DocumentExists);
    let report = RunReport::default();
    pair.write(source::end_run(
        PROJECT,
        location,
        Timestamp(5),
        Ok(2),
        &report,
    ));
    pair.write(source::set_interval(PROJECT, location, 3600));
    pair.write(source::begin_run(
        PROJECT,
        location,
        SourceKind::Website,
        Timestamp(20),
    ));
    pair.write(source::add_if_missing(PROJECT, "/srv", SourceKind::Folder));
    pair.write(source::add_if_missing(
        PROJECT,
        location,
        SourceKind::Website,
    ));
    pair.write(source::fail_interrupted(PROJECT, location, Timestamp(30)));
    pair.read(|snapshot| source::list(snapshot, PROJECT).map(|found| format!("{found:?}")));
    pair.read(|snapshot| document::list_all(snapshot, PROJECT).map(|found| format!("{found:?}")));
    let qnas = [("How?", true), ("Why?", false)].map(|(question, is_published)| NewQna {
        id: QnaId::generate(),
        project: PROJECT,
        question: question.to_owned(),
        answer: "So.".to_owned(),
        is_published,
        creator_name: Some("Ada".to_owned()),
        creator_image: None,
        at: Timestamp(40),
    });
    for qna in &qnas {
        pair.write(qna.create());
    }
    let change = QnaChange {
        answer: Some("Thus.".to_owned()),
        is_published: Some(true),
        ..QnaChange::default()
    };
    pair.write(change.update(PROJECT, qnas[1].id, Timestamp(41)));
    pair.write(qna::delete(PROJECT, qnas[0].id));
    let query = QnaQuery {
        search: None,
        limit: Limit::default(),
        offset: Offset::default(),
    };
    assert_eq!(
        pair.read(|snapshot| qna::count(snapshot, PROJECT, &query)),
        1
    );
    pair.read(|snapshot| qna::list_all(snapshot, PROJECT));
    assert!(pair.read(|snapshot| passage::has_any(snapshot, PROJECT)));
    for vector in [1, 2] {
        pair.write(embedding::insert(
            "model",
            [3; 32],
            vec![vec![vector], vec![vector; 2]],
        ));
    }
    pair.read(|snapshot| embedding::vectors(snapshot, "model", [3; 32]));
    let keys = |snapshot: &Snapshot| embedding::keys_after(snapshot, &EmbeddingKey::default(), 10);
    let keys = pair.read(keys);
    pair.compare_rows();
    pair.write(embedding::delete(&keys));
    pair.write(source::delete_documents(PROJECT, location));
    assert!(
        pair.read(|snapshot| document::list_all(snapshot, PROJECT).map(|found| found.is_empty()))
    );
    pair.write(source::clear_intervals());
    pair.compare_rows();
}

#[test]
fn import_of_an_export_stores_the_same_records() {
    let (Some(pair), Some(copy)) = (Pair::with_project(), Pair::empty()) else {
        return;
    };
    pair.add_visitor("device");
    let (seq, _) = pair.start(VisitorSeq(1), 10);
    pair.write(crate::store::conversation::close(seq, None, Timestamp(20)));
    // More than PostgreSQL returns at once.
    for at in 30..100 {
        pair.start(VisitorSeq(1), at);
    }
    let change = ProjectChange {
        widget: set("brandColor", Some("#123456")),
        ..ProjectChange::default()
    };
    pair.write(project::change(PROJECT, &change));
    let records = pair.compare_rows();
    for record in &records {
        copy.write(import::insert(record));
        copy.read(|snapshot| import::compare(snapshot, record));
    }
    copy.write(Batch::new().then(import::create_webhook_secrets()));
    assert_eq!(copy.compare_rows(), records);
}
