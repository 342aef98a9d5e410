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
    id: VisitorId,
    #[serde(rename = "type")]
    kind: VisitorType,
    /// The website's own id of the person; null for an anonymous visitor.
    #[schema(required)]
    external_id: Option<&'a str>,
    /// The name of the person.
    #[schema(required)]
    name: Option<&'a str>,
    /// The address of a picture.
    #[schema(required)]
    avatar_url: Option<&'a str>,
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
enum VisitorType {
    Anonymous,
    Identified,
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
