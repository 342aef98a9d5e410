//! Visitors and their sessions.

use std::time::Duration;

use super::Pair;
use super::pair::PROJECT;
use crate::domain::{
    DeviceId, EmailAddress, ExternalId, Key, KeyId, KeyKind, KeySeq, Person, PhoneNumber,
    SessionId, Timestamp, VisitorChange, VisitorId, VisitorName, VisitorSeq,
};
use crate::store::erasure::{self, Deletion};
use crate::store::key::NewKey;
use crate::store::rejection::Rejection;
use crate::store::session;
use crate::store::visitor::{self, NewVisitor, VisitorIdentity, VisitorKey};

const KEY: KeySeq = KeySeq(1);

fn new_visitor(identity: VisitorIdentity) -> NewVisitor {
    NewVisitor {
        id: VisitorId::generate(),
        project: PROJECT,
        identity,
        at: Timestamp(5),
    }
}

fn device(name: &str) -> DeviceId {
    DeviceId::parse("saVid", name).expect("a device")
}

fn with_key() -> Option<Pair> {
    let pair = Pair::with_project()?;
    let key = NewKey {
        id: KeyId::generate(),
        project: PROJECT,
        key: &Key::from_text("pk_0123456789"),
        kind: KeyKind::Publishable,
        name: "Website",
        origins: &[],
        assistant: None,
        at: Timestamp(1),
    };
    pair.write(key.create());
    Some(pair)
}

#[test]
fn sessions_start_in_the_same_way() {
    let Some(pair) = with_key() else {
        return;
    };
    let ids = [(); 4].map(|()| SessionId::generate());
    for id in &ids[..2] {
        let visitor = new_visitor(VisitorIdentity::Device(device("phone")));
        let output = pair.write(session::start(&visitor, device("phone"), *id, KEY));
        let (_, is_new) = session::started_visitor(&output).expect("a visitor");
        assert_eq!(is_new, *id == ids[0]);
    }
    for (id, email) in [(ids[2], Some("eva@shop.example")), (ids[3], None)] {
        let external_id = ExternalId::parse("externalId", "eva").expect("an id");
        let person = Person {
            external_id: external_id.clone(),
            name: Some("Eva".to_owned()),
            email: email.map(EmailAddress::from_static),
            avatar_url: None,
        };
        let visitor = new_visitor(VisitorIdentity::ExternalId(external_id));
        pair.write(session::start_identified(&visitor, &person, id, KEY));
    }
    pair.write(session::touch(ids[1], Timestamp(1000)));
    for id in ids {
        pair.read(|snapshot| session::find(snapshot, id).map(|found| format!("{found:?}")));
    }
    pair.compare_rows();
    pair.write(session::store_signing_secret(&[1; 32]));
    pair.write(session::store_signing_secret(&[2; 32]));
    pair.write(session::replace_signing_secret(&[3; 32]));
    pair.read(session::signing_secret);
    pair.write(session::remove_idle(
        Duration::from_millis(500),
        Timestamp(1000),
    ));
    pair.write(session::end_started_before(Timestamp(5)));
    pair.compare_rows();
}

#[test]
fn visitors_change_and_are_found_in_the_same_way() {
    let Some(pair) = with_key() else {
        return;
    };
    let visitors = ["Phone-A", "phone-b", "Täblet"].map(|device| pair.add_visitor(device));
    let change = VisitorChange {
        name: Some(Some(VisitorName::parse("name", "Ärger").expect("a name"))),
        email: Some(Some(EmailAddress::from_static("eva@shop.example"))),
        phone: Some(PhoneNumber::parse("phone", "+49 30 123456").ok()),
    };
    pair.write(visitor::change(VisitorSeq(1), &change));
    let clear = VisitorChange {
        name: None,
        email: Some(None),
        phone: None,
    };
    pair.write(visitor::change(VisitorSeq(1), &clear));
    pair.write(visitor::store_contact(
        VisitorSeq(1),
        Some("b@shop.example"),
        None,
    ));
    pair.read(|snapshot| visitor::contact(snapshot, VisitorSeq(1)));
    for text in ["", "PHONE", "ärger", "Är", "TÄBLET", "a", "%"] {
        pair.read(|snapshot| visitor::search(snapshot, PROJECT, text, 10));
    }
    let key = VisitorKey::Device("Phone-A".to_owned());
    pair.read(|snapshot| visitor::find_row(snapshot, PROJECT, &key));
    pair.start(VisitorSeq(2), 10);
    pair.write(visitor::set_blocked(
        PROJECT,
        visitors[1].id,
        Some(Timestamp(20)),
    ));
    pair.write(visitor::set_blocked(
        PROJECT,
        visitors[1].id,
        Some(Timestamp(30)),
    ));
    pair.rejected(
        visitor::change(VisitorSeq(2), &clear),
        Rejection::VisitorBlocked,
    );
    pair.compare_rows();
    pair.write(visitor::set_blocked(PROJECT, visitors[1].id, None));
    pair.read(|snapshot| visitor::count_rows(snapshot, VisitorSeq(2)));
    let deleted = pair.delete(&Deletion::of_visitor(VisitorSeq(2), 10));
    assert_eq!((deleted.conversations.len(), deleted.has_more), (1, false));
    pair.write(erasure::end_erasure(VisitorSeq(2)));
    pair.add_visitor("new");
    pair.compare_rows();
}
