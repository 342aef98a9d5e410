//! API keys (docs/api-contract.md, section 4.20).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{AssistantId, Key, KeyId, KeyKind, Timestamp};
use crate::store::key::KeyDetails;

/// An API key. The text of a private key is not stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub struct KeyJson<'a> {
    object: KeyObject,
    id: KeyId,
    name: &'a str,
    kind: KeyKind,
    /// The last four characters of the key.
    hint: &'a str,
    /// The websites that may use the key. Empty: every website.
    origins: &'a [String],
    /// The assistant that answers visitors with this key; null: the project's first.
    #[schema(required)]
    assistant_id: Option<AssistantId>,
    created_at: Timestamp,
    /// Null: the key is valid.
    #[schema(required)]
    revoked_at: Option<Timestamp>,
    /// The text of a publishable key; null for a private key, and for a key that an
    /// earlier version created.
    #[schema(required)]
    publishable_key: Option<&'a str>,
    /// Whether the website's server can sign who its visitors are.
    has_identity_secret: bool,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum KeyObject {
    Key,
}

impl<'a> From<&'a KeyDetails> for KeyJson<'a> {
    fn from(key: &'a KeyDetails) -> Self {
        Self {
            object: KeyObject::Key,
            id: key.id,
            name: &key.name,
            kind: key.kind,
            hint: &key.hint,
            origins: &key.origins,
            assistant_id: key.assistant,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
            publishable_key: key.publishable_key.as_deref(),
            has_identity_secret: key.has_identity_secret,
        }
    }
}

/// A new key with its text.
#[derive(Serialize, ToSchema)]
#[schema(as = NewKey)]
pub struct NewKeyJson<'a> {
    #[serde(flatten)]
    details: KeyJson<'a>,
    /// The text of the key, which is sent once. Null in the response to a request that is
    /// repeated with its `Idempotency-Key`.
    #[schema(required)]
    key: Option<&'a str>,
}

impl<'a> NewKeyJson<'a> {
    pub fn new(details: &'a KeyDetails, key: Option<&'a Key>) -> Self {
        Self {
            details: details.into(),
            key: key.map(Key::reveal),
        }
    }
}
