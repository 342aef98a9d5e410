//! Visitors (docs/api-contract.md, section 5.4).

use serde::Serialize;
use utoipa::ToSchema;

use super::conversation::StaffOnly;
use crate::domain::{Timestamp, Visitor, VisitorId};

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
    /// With a private key: the e-mail address that the website's server has signed, otherwise
    /// the one that the visitor left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<&str>, required = false)]
    pub(super) email: StaffOnly<Option<&'a str>>,
    /// With a private key: the phone number that the visitor left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<&str>, required = false)]
    pub(super) phone: StaffOnly<Option<&'a str>>,
    /// With a private key: whether the website's server has confirmed `externalId` and
    /// `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub(super) is_verified: StaffOnly<bool>,
    /// With a private key: whether `email` is from the website's server. False: the visitor
    /// has typed it, or there is none. Nobody has confirmed `phone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub(super) is_email_verified: StaffOnly<bool>,
    /// With a private key: whether the visitor may not write any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub(super) is_blocked: StaffOnly<bool>,
    /// With a private key: the time of the first visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    pub(super) created_at: StaffOnly<Timestamp>,
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
        let details = visitor.details.as_ref();
        Self {
            object: VisitorObject::Visitor,
            id: visitor.id,
            kind,
            external_id: visitor.external_id.as_deref(),
            name: visitor.name.as_deref(),
            avatar_url: visitor.avatar_url.as_deref(),
            email: details.map(|details| details.email.as_deref()),
            phone: details.map(|details| details.phone.as_deref()),
            is_verified: details.map(|details| details.is_verified),
            is_email_verified: details.map(|details| details.is_email_verified),
            is_blocked: details.map(|details| details.is_blocked),
            created_at: details.map(|details| details.created_at),
        }
    }
}
