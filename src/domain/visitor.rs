//! A visitor of a website (section 4.4).

use serde::Serialize;
use utoipa::ToSchema;

use super::VisitorId;
use super::validation::{ValidationError, bounded_text};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VisitorObject {
    Visitor,
}

/// Whether the website's own server has said who the visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VisitorType {
    Anonymous,
    Identified,
}

/// Someone who talks on a website, known by device or by the site's own name
/// for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Visitor {
    pub object: VisitorObject,
    pub id: VisitorId,
    #[serde(rename = "type")]
    pub kind: VisitorType,
    /// The site's own name for the person; null for an anonymous one.
    #[schema(required)]
    pub external_id: Option<String>,
    #[schema(required)]
    pub name: Option<String>,
    #[schema(required)]
    pub avatar_url: Option<String>,
}

impl Visitor {
    pub fn new(
        id: VisitorId,
        external_id: Option<String>,
        name: Option<String>,
        avatar_url: Option<String>,
    ) -> Self {
        let kind = match external_id {
            Some(_) => VisitorType::Identified,
            None => VisitorType::Anonymous,
        };
        Self {
            object: VisitorObject::Visitor,
            id,
            kind,
            external_id,
            name,
            avatar_url,
        }
    }
}

/// What a browser calls itself, `saVid` on the wire: 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId(pub String);

impl DeviceId {
    pub const MAX_CHARS: usize = 100;

    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, 1, Self::MAX_CHARS).map(Self)
    }
}

/// What a website's own server calls a person: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(pub String);

impl ExternalId {
    pub const MAX_CHARS: usize = 200;

    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, 1, Self::MAX_CHARS).map(Self)
    }
}
