//! Cursors: the signed position of the last row of a list page
//! (`docs/api-contract.md`, section 4.5).
//!
//! A cursor contains the sort value and the id of that row at the time of
//! reading, so it stays valid when the row moves or is deleted. The signature
//! covers the caller and the query, so a cursor is valid in its own list only.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{
    ConversationId, ListRequest, Scope, SortKey, SortValue, Status, ValidationError,
};

type Hasher = Hmac<Sha256>;

/// Increase it with every change of the signed data or of its encoding. The order
/// of the enums in [`Cursors::hasher`] is part of the signed data.
const VERSION: u8 = 1;

/// Derives the cursor key from the file's secret, which also signs other data.
const PURPOSE: &[u8] = b"cursors of lists of conversations";

const SIGNATURE_BYTES: usize = 16;

/// Type tags of an encoded sort value.
const NULL_TAG: u8 = 0;
const NUMBER_TAG: u8 = 1;
const TEXT_TAG: u8 = 2;

/// Signs and verifies cursors with the secret of the database file.
pub struct Cursors {
    /// A hasher that is initialised with the key, which is half of its work.
    keyed: Hasher,
}

impl Cursors {
    pub fn new(secret: &[u8]) -> Self {
        let key = keyed(secret).chain_update(PURPOSE).finalize();
        Self {
            keyed: keyed(&key.into_bytes()),
        }
    }

    /// The cursor of the page after `last` in the list of `request`.
    pub fn sign(&self, scope: Scope, request: &ListRequest, last: &SortKey) -> String {
        let mut bytes = encode_position(last);
        let signature = self.hasher(scope, request, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE_BYTES]);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Verifies a cursor and returns the position after which the page starts.
    /// `request.query.after` is ignored.
    ///
    /// # Errors
    /// `after` is not a cursor of this list.
    pub fn verify(
        &self,
        scope: Scope,
        request: &ListRequest,
        text: &str,
    ) -> Result<SortKey, ValidationError> {
        self.decode(scope, request, text).ok_or_else(|| {
            let reason = "must be taken from the Link header of the same list: of the same \
                          caller, with the same filters, orderBy and orderDir; leave it out to \
                          begin at the front";
            ValidationError::new("after", reason)
        })
    }

    fn decode(&self, scope: Scope, request: &ListRequest, text: &str) -> Option<SortKey> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (position, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
        let expected = self.hasher(scope, request, position);
        expected.verify_truncated_left(signature).ok()?;
        decode_position(position)
    }

    /// A hasher over the signed data. The fields before the position have a fixed
    /// length, so that no two inputs have the same encoding.
    fn hasher(&self, scope: Scope, request: &ListRequest, position: &[u8]) -> Hasher {
        let query = &request.query;
        let (kind, owner) = match scope {
            Scope::Project(project) => (0, project.0),
            Scope::Visitor(visitor) => (1, visitor.0),
        };
        let status = match query.filter.status {
            None => 0,
            Some(Status::Open) => 1,
            Some(Status::Closed) => 2,
        };
        let filters = private_filters(request);
        // The kind tells whether filters follow: cursors without them have no hash.
        let kind = if filters.is_empty() { kind } else { kind + 2 };
        let list = [kind, status, query.sort as u8, query.direction as u8];
        let mut hasher = self.keyed.clone().chain_update(list);
        hasher.update(&owner.to_be_bytes());
        if !filters.is_empty() {
            hasher.update(&Sha256::digest(&filters));
        }
        hasher.chain_update(position)
    }
}

/// The filters that only private keys have, each with a tag and its length. Empty
/// without such filters.
fn private_filters(request: &ListRequest) -> Vec<u8> {
    let is_human_handled = request.query.filter.is_human_handled;
    let is_human_handled = is_human_handled.map(|flag| vec![u8::from(flag)]);
    let visitor = request.visitor.id.map(|id| id.0.as_bytes().to_vec());
    let external_id = request.visitor.external_id.as_ref();
    let external_id = external_id.map(|id| id.as_str().as_bytes().to_vec());
    let text = request.search.text.as_ref();
    let text = text.map(|text| text.as_bytes().to_vec());
    let [after, before] = [request.search.created_after, request.search.created_before]
        .map(|time| time.map(|time| time.0.to_be_bytes().to_vec()));
    let is_waiting = request.search.is_waiting;
    let is_waiting = is_waiting.map(|flag| vec![u8::from(flag)]);
    let filters = [
        is_human_handled,
        visitor,
        external_id,
        text,
        after,
        before,
        is_waiting,
    ];
    let mut bytes = Vec::new();
    for (tag, value) in (1..).zip(filters) {
        if let Some(value) = value {
            bytes.push(tag);
            bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&value);
        }
    }
    bytes
}

fn keyed(key: &[u8]) -> Hasher {
    Hasher::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn encode_position(position: &SortKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(VERSION);
    bytes.extend_from_slice(position.id.0.as_bytes());
    match &position.value {
        SortValue::Null => bytes.push(NULL_TAG),
        SortValue::Number(number) => {
            bytes.push(NUMBER_TAG);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        SortValue::Text(text) => {
            bytes.push(TEXT_TAG);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

fn decode_position(bytes: &[u8]) -> Option<SortKey> {
    let (&version, bytes) = bytes.split_first()?;
    let (id, bytes) = bytes.split_first_chunk::<16>()?;
    let (&tag, value) = bytes.split_first()?;
    let value = match tag {
        NULL_TAG if value.is_empty() => SortValue::Null,
        NUMBER_TAG => SortValue::Number(i64::from_be_bytes(value.try_into().ok()?)),
        TEXT_TAG => SortValue::Text(std::str::from_utf8(value).ok()?.into()),
        _ => return None,
    };
    let id = ConversationId(Uuid::from_bytes(*id));
    (version == VERSION).then_some(SortKey { value, id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Direction, ExternalId, ListFilter, ListQuery, ProjectSeq, SearchFilter, Sort, Timestamp,
        VisitorFilter, VisitorId, VisitorSeq,
    };

    const SCOPE: Scope = Scope::Project(ProjectSeq(1));

    fn positions() -> [SortKey; 5] {
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
    fn signed_position_is_returned_unchanged() {
        let request = ListRequest::default();
        for position in positions() {
            let text = Cursors::new(b"secret").sign(SCOPE, &request, &position);
            let opened = Cursors::new(b"secret").verify(SCOPE, &request, &text);
            assert_eq!(opened, Ok(position));
        }
    }

    /// Lists that differ in one property each.
    fn lists() -> Vec<ListRequest> {
        let list = |query| ListRequest {
            query,
            ..ListRequest::default()
        };
        let mut lists = vec![
            ListRequest::default(),
            list(ListQuery {
                direction: Direction::Ascending,
                ..ListQuery::default()
            }),
            list(ListQuery {
                sort: Sort::CreatedAt,
                ..ListQuery::default()
            }),
        ];
        let open = ListFilter::by_status(Some(Status::Open));
        let handled = [true, false].map(|flag| ListFilter {
            is_human_handled: Some(flag),
            ..ListFilter::default()
        });
        lists.extend(handled.into_iter().chain([open]).map(|filter| {
            list(ListQuery {
                filter,
                ..ListQuery::default()
            })
        }));
        lists.extend(visitors().map(|visitor| ListRequest {
            visitor,
            ..ListRequest::default()
        }));
        lists.extend(searches().map(|search| ListRequest {
            search,
            ..ListRequest::default()
        }));
        lists
    }

    fn visitors() -> [VisitorFilter; 3] {
        let external_id = |text| VisitorFilter {
            id: None,
            external_id: Some(ExternalId::parse("", text).expect("an id")),
        };
        let id = VisitorFilter {
            id: Some(VisitorId::generate()),
            external_id: None,
        };
        [external_id("a"), external_id("b"), id]
    }

    fn searches() -> [SearchFilter; 3] {
        let time = Some(Timestamp(7));
        let text = SearchFilter {
            text: Some("a".to_owned()),
            ..SearchFilter::default()
        };
        let created_after = SearchFilter {
            created_after: time,
            ..SearchFilter::default()
        };
        let created_before = SearchFilter {
            created_before: time,
            ..SearchFilter::default()
        };
        [text, created_after, created_before]
    }

    #[test]
    fn cursor_is_invalid_in_any_other_list() {
        let (cursors, other_secret) = (Cursors::new(b"secret"), Cursors::new(b"another"));
        let (lists, positions) = (lists(), positions());
        for (list, position) in lists.iter().flat_map(|list| {
            let positions = positions.iter();
            positions.map(move |position| (list, position))
        }) {
            let text = cursors.sign(SCOPE, list, position);
            for other in &lists {
                let is_valid = cursors.verify(SCOPE, other, &text).is_ok();
                assert_eq!(is_valid, list == other, "{list:?} {other:?}");
            }
            for scope in [Scope::Project(ProjectSeq(2)), Scope::Visitor(VisitorSeq(1))] {
                assert!(cursors.verify(scope, list, &text).is_err(), "{scope:?}");
            }
            assert!(other_secret.verify(SCOPE, list, &text).is_err());
        }
    }

    #[test]
    fn truncated_or_modified_cursor_is_invalid() {
        let (cursors, request) = (Cursors::new(b"secret"), ListRequest::default());
        for position in positions() {
            let text = cursors.sign(SCOPE, &request, &position);
            for length in 0..text.len() {
                assert!(cursors.verify(SCOPE, &request, &text[..length]).is_err());
            }
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).expect("base64");
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let text = BASE64_URL_SAFE_NO_PAD.encode(changed);
                assert!(cursors.verify(SCOPE, &request, &text).is_err(), "bit {bit}");
            }
        }
    }
}
