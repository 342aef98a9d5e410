//! Visitors of a website (docs/api-contract.md, section 5.4).

use super::label::Label;
use super::validation::{ValidationError, bounded_text};
use super::{EmailAddress, PhoneNumber, Timestamp, VisitorId};

/// The maximum length of a visitor's name in characters.
pub const MAX_VISITOR_NAME_CHARS: usize = 200;

/// A person who writes on a website, identified by a device id or by the
/// website's own id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub id: VisitorId,
    /// The website's own id of the person; `None` for an anonymous visitor.
    pub external_id: Option<String>,
    pub name: Option<String>,
    /// The URL of a picture.
    pub avatar_url: Option<String>,
    /// `None` if a visitor reads.
    pub details: Option<VisitorDetails>,
}

/// What private keys and agents see of a visitor, and visitors do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitorDetails {
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Whether the website's server has confirmed the external id and the name.
    pub is_verified: bool,
    /// Whether the e-mail address is from the website's server, and the visitor has not
    /// typed it.
    pub is_email_verified: bool,
    /// Whether the visitor may not write any more.
    pub is_blocked: bool,
    pub created_at: Timestamp,
}

impl Visitor {
    /// Whether the website's own server has told who the visitor is.
    pub fn is_identified(&self) -> bool {
        self.external_id.is_some()
    }
}

/// A person, as the website's server has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub external_id: ExternalId,
    pub name: Option<String>,
    pub email: Option<EmailAddress>,
    pub avatar_url: Option<String>,
}

/// The name of a visitor.
pub type VisitorName = Label<MAX_VISITOR_NAME_CHARS>;

/// New values of a visitor. `None`: no change. `Some(None)`: no value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VisitorChange {
    pub name: Option<Option<VisitorName>>,
    pub email: Option<Option<EmailAddress>>,
    pub phone: Option<Option<PhoneNumber>>,
}

impl VisitorChange {
    /// Whether the change has an e-mail address or a phone number.
    pub fn leaves_contact_details(&self) -> bool {
        let has_email = self.email.as_ref().is_some_and(Option::is_some);
        has_email || self.phone.as_ref().is_some_and(Option::is_some)
    }
}

/// The id that a browser chose for itself, `saVid` in requests: 1 to 100
/// characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceId(String);

impl DeviceId {
    pub const MAX_CHARS: usize = 100;

    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, 1, Self::MAX_CHARS).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_inner(self) -> String {
        self.0
    }
}

/// The id that the website's own server has for a person: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    pub const MAX_CHARS: usize = 200;

    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, 1, Self::MAX_CHARS).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_inner(self) -> String {
        self.0
    }
}
