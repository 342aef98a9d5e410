//! Visitors (docs/api-contract.md, section 5.4).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Visitor, VisitorId};

/// A person who writes on a website, identified by a device id or by the
/// website's own id.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Visitor)]
pub struct VisitorJson<'a> {
    object: VisitorObject,
    pub(super) id: VisitorId,
    #[serde(rename = "type")]
    pub(super) kind: VisitorType,
    /// The website's own id of the person; null for an anonymous visitor.
    #[schema(required)]
    pub(super) external_id: Option<&'a str>,
    /// The name of the person.
    #[schema(required)]
    pub(super) name: Option<&'a str>,
    /// The address of a picture.
    #[schema(required)]
    pub(super) avatar_url: Option<&'a str>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum VisitorObject {
    Visitor,
}

/// Whether the website has set an external id for the visitor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum VisitorType {
    Anonymous,
    Identified,
}

impl VisitorType {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Identified => "identified",
        }
    }
}

impl<'a> From<&'a Visitor> for VisitorJson<'a> {
    fn from(visitor: &'a Visitor) -> Self {
        let kind = if visitor.is_identified() {
            VisitorType::Identified
        } else {
            VisitorType::Anonymous
        };
        Self {
            object: VisitorObject::Visitor,
            id: visitor.id,
            kind,
            external_id: visitor.external_id.as_deref(),
            name: visitor.name.as_deref(),
            avatar_url: visitor.avatar_url.as_deref(),
        }
    }
}
