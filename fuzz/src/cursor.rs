//! Cursors of lists: each sort key is returned unchanged, and no other text is a cursor.

use parlor::access::Cursors;
use parlor::domain::{
    ConversationId, ListFilter, ListQuery, ListRequest, ProjectSeq, Scope, Sort, SortKey,
    SortValue, Status, VisitorSeq,
};
use uuid::Uuid;

use super::{Target, split_first};

const OWN: Scope = Scope::Project(ProjectSeq(1));

pub struct Cursor {
    cursors: Cursors,
}

impl Target for Cursor {
    const NAME: &'static str = "cursor";
    const DICTIONARY: &'static [&'static str] =
        &["\0", "\u{1}", "A", "AQ", "-", "_", "=", "é", "日"];

    fn new() -> Self {
        Self {
            cursors: Cursors::new(b"secret"),
        }
    }

    fn run(&self, input: &[u8]) {
        let list = ListRequest::default();
        let text = String::from_utf8_lossy(input);
        assert!(self.cursors.verify(OWN, &list, &text).is_err(), "{text}");
        let key = sort_key(input);
        let cursor = self.cursors.sign(OWN, &list, &key);
        assert_eq!(self.cursors.verify(OWN, &list, &cursor), Ok(key));
        self.expect_invalid_elsewhere(&list, &cursor);
        let changed = change(&cursor, input);
        let is_valid = self.cursors.verify(OWN, &list, &changed).is_ok();
        assert_eq!(is_valid, changed == cursor, "{changed}");
    }
}

impl Cursor {
    fn expect_invalid_elsewhere(&self, list: &ListRequest, cursor: &str) {
        let with = |query| ListRequest {
            query,
            ..list.clone()
        };
        let with_filter = |filter| {
            with(ListQuery {
                filter,
                ..ListQuery::default()
            })
        };
        let by_title = ListQuery {
            sort: Sort::Title,
            ..ListQuery::default()
        };
        let handled = ListFilter {
            is_human_handled: Some(true),
            ..ListFilter::default()
        };
        let others = [
            (Scope::Project(ProjectSeq(2)), list.clone()),
            (Scope::Visitor(VisitorSeq(1)), list.clone()),
            (OWN, with_filter(ListFilter::by_status(Some(Status::Open)))),
            (OWN, with_filter(handled)),
            (OWN, with(by_title)),
        ];
        for (scope, list) in others {
            assert!(
                self.cursors.verify(scope, &list, cursor).is_err(),
                "{list:?}"
            );
        }
    }
}

fn sort_key(input: &[u8]) -> SortKey {
    let (kind, rest) = split_first(input);
    let mut bytes = [0; 16];
    let length = rest.len().min(16);
    bytes[..length].copy_from_slice(&rest[..length]);
    let [number, _] = [0, 8].map(|at| i64::from_be_bytes(bytes[at..at + 8].try_into().expect("8")));
    SortKey {
        value: match kind % 3 {
            0 => SortValue::Null,
            1 => SortValue::Number(number),
            _ => SortValue::Text(String::from_utf8_lossy(rest).into()),
        },
        id: ConversationId(Uuid::from_bytes(bytes)),
    }
}

/// Replaces one byte of a cursor.
fn change(cursor: &str, input: &[u8]) -> String {
    let mut bytes = cursor.as_bytes().to_vec();
    if let [.., at, byte] = input {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *byte;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
