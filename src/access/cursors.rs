//! Cursors: where a page of a list ended, sealed for whoever was given it.
//!
//! A cursor holds the field and the id of the page's last row, as they were: a
//! row that moves or goes away takes nobody with it. The seal covers whose
//! list it is and what it was asked for, so that in another list, or changed
//! by a single bit, it is nothing.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::domain::{
    ConversationId, ListQuery, Scope, SortKey, SortValue, Status, ValidationError,
};

type Hasher = Hmac<Sha256>;

/// Grows with every change of what is sealed or how it is written, the order
/// of the enums in [`Cursors::hasher`] among it.
const VERSION: u8 = 1;

/// Tells the key of the seals from all else that the file's secret signs.
const PURPOSE: &[u8] = b"cursors of lists of conversations";

/// How many bytes of the seal are kept.
const SEAL: usize = 16;

/// How a field is written: which kind it is of, then its bytes.
const NOTHING: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;

/// Seals and opens cursors with the file's own secret.
pub struct Cursors {
    /// Has taken the key in already, which is half the work.
    keyed: Hasher,
}

impl Cursors {
    pub fn new(secret: &[u8]) -> Self {
        let key = keyed(secret).chain_update(PURPOSE).finalize();
        Self {
            keyed: keyed(&key.into_bytes()),
        }
    }

    /// The cursor of the page that comes after `last` in the list of `query`.
    pub fn seal(&self, scope: Scope, query: &ListQuery, last: &SortKey) -> String {
        let mut bytes = written(last);
        let seal = self.hasher(scope, query, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL]);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place after which a page begins; what `query` says of one already
    /// is passed over.
    ///
    /// # Errors
    /// 422 for any text that was not sealed here for this list.
    pub fn open(
        &self,
        scope: Scope,
        query: &ListQuery,
        text: &str,
    ) -> Result<SortKey, ValidationError> {
        self.opened(scope, query, text).ok_or_else(|| {
            let reason = "must be taken from the Link header of the same list: of the same \
                          caller, with the same status, orderBy and orderDir; leave it out to \
                          begin at the front";
            ValidationError::new("after", reason)
        })
    }

    fn opened(&self, scope: Scope, query: &ListQuery, text: &str) -> Option<SortKey> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (place, seal) = bytes.split_last_chunk::<SEAL>()?;
        let expected = self.hasher(scope, query, place);
        expected.verify_truncated_left(seal).ok()?;
        read(place)
    }

    /// Takes in what is sealed. What comes before the place is of one length, so
    /// that nothing can pass from one part into the next.
    fn hasher(&self, scope: Scope, query: &ListQuery, place: &[u8]) -> Hasher {
        let (kind, owner) = match scope {
            Scope::Project(project) => (0, project.0),
            Scope::Visitor(visitor) => (1, visitor.0),
        };
        let status = match query.status {
            None => 0,
            Some(Status::Open) => 1,
            Some(Status::Closed) => 2,
        };
        let list = [kind, status, query.sort as u8, query.direction as u8];
        let hasher = self.keyed.clone().chain_update(list);
        hasher.chain_update(owner.to_be_bytes()).chain_update(place)
    }
}

fn keyed(key: &[u8]) -> Hasher {
    Hasher::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn written(place: &SortKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(VERSION);
    bytes.extend_from_slice(place.id.0.as_bytes());
    match &place.value {
        SortValue::Null => bytes.push(NOTHING),
        SortValue::Number(number) => {
            bytes.push(NUMBER);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        SortValue::Text(text) => {
            bytes.push(TEXT);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

fn read(bytes: &[u8]) -> Option<SortKey> {
    let (&version, bytes) = bytes.split_first()?;
    let (id, bytes) = bytes.split_first_chunk::<16>()?;
    let (&kind, field) = bytes.split_first()?;
    let field = match kind {
        NOTHING if field.is_empty() => SortValue::Null,
        NUMBER => SortValue::Number(i64::from_be_bytes(field.try_into().ok()?)),
        TEXT => SortValue::Text(std::str::from_utf8(field).ok()?.into()),
        _ => return None,
    };
    let id = ConversationId(Uuid::from_bytes(*id));
    (version == VERSION).then_some(SortKey { value: field, id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Direction, ProjectSeq, Sort, VisitorSeq};

    const SCOPE: Scope = Scope::Project(ProjectSeq(1));

    fn places() -> [SortKey; 5] {
        let fields = [
            SortValue::Null,
            SortValue::Number(i64::MIN),
            SortValue::Number(1_705_314_600_000),
            SortValue::Text("".into()),
            SortValue::Text("日本語 🦆".into()),
        ];
        fields.map(|field| SortKey {
            value: field,
            id: ConversationId::generate(),
        })
    }

    #[test]
    fn what_was_sealed_opens_as_it_was() {
        let query = ListQuery::default();
        for place in places() {
            let text = Cursors::new(b"secret").seal(SCOPE, &query, &place);
            let opened = Cursors::new(b"secret").open(SCOPE, &query, &text);
            assert_eq!(opened, Ok(place));
        }
    }

    #[test]
    fn in_any_other_list_a_cursor_is_nothing() {
        let (cursors, query) = (Cursors::new(b"secret"), ListQuery::default());
        let status = Some(Status::Open);
        let direction = Direction::Ascending;
        let queries = [
            ListQuery {
                status,
                ..query.clone()
            },
            ListQuery {
                direction,
                ..query.clone()
            },
            ListQuery {
                sort: Sort::CreatedAt,
                ..query.clone()
            },
        ];
        for place in places() {
            let text = cursors.seal(SCOPE, &query, &place);
            for other in &queries {
                assert!(cursors.open(SCOPE, other, &text).is_err(), "{other:?}");
            }
            for scope in [Scope::Project(ProjectSeq(2)), Scope::Visitor(VisitorSeq(1))] {
                assert!(cursors.open(scope, &query, &text).is_err(), "{scope:?}");
            }
            let stranger = Cursors::new(b"another");
            assert!(stranger.open(SCOPE, &query, &text).is_err());
        }
    }

    #[test]
    fn a_cursor_that_is_cut_or_changed_in_a_bit_is_nothing() {
        let (cursors, query) = (Cursors::new(b"secret"), ListQuery::default());
        for place in places() {
            let text = cursors.seal(SCOPE, &query, &place);
            for length in 0..text.len() {
                assert!(cursors.open(SCOPE, &query, &text[..length]).is_err());
            }
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).expect("base64");
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let text = BASE64_URL_SAFE_NO_PAD.encode(changed);
                assert!(cursors.open(SCOPE, &query, &text).is_err(), "bit {bit}");
            }
        }
    }
}
