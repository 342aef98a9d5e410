//! The errors of visitors: identity, contact details, links and blocking.

use crate::access::identity::IdentityError;
use crate::http::error::ApiError;
use crate::service::erasure::EraseVisitorError;
use crate::service::notification::link::LinkError;
use crate::service::session::IdentifyError;
use crate::service::visitor::BlockError;
use crate::service::visitor_profile::VisitorChangeError;

/// 403: an agent has blocked the visitor.
pub(super) fn visitor_blocked() -> ApiError {
    ApiError::forbidden(
        "You cannot write to this website any more. If this is a mistake, contact the website in \
         another way",
    )
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid => Self::unauthorized(
                "The link has expired, or its conversation does not exist any more",
            ),
            LinkError::NoKey => Self::forbidden(
                "The project has no publishable key that can open the link; an owner creates one",
            ),
            LinkError::Store(error) => error.into(),
        }
    }
}

impl From<IdentifyError> for ApiError {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::SwitchedOff => Self::forbidden(
                "The key has no identity secret; an owner creates one in the inbox, under keys, \
                 or with POST /keys/{keyId}/identity-secret",
            ),
            IdentifyError::Token(error) => error.into(),
            IdentifyError::Store(error) => error.into(),
        }
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        Self::unauthorized(match error {
            IdentityError::Signature => {
                "The token is not signed with the identity secret of this key; sign with HS256, \
                 and take the whole text of the secret as the key"
            }
            IdentityError::Expired => {
                "The token has expired; get a new one from the website's server, and check its \
                 clock"
            }
            IdentityError::NotYetValid => {
                "The token was issued in the future; check the clock of the website's server"
            }
            IdentityError::Lifetime => {
                "The token is valid for too long; exp must be at most 24 hours after iat"
            }
            IdentityError::Claim(invalid) => {
                let reason = format!("has an invalid claim. {} {}", invalid.field, invalid.reason);
                return Self::validation("token", &reason);
            }
        })
    }
}

impl From<BlockError> for ApiError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::NotFound(id) => Self::visitor_not_found(id),
            BlockError::Store(error) => error.into(),
        }
    }
}

impl From<VisitorChangeError> for ApiError {
    fn from(error: VisitorChangeError) -> Self {
        match error {
            VisitorChangeError::VerifiedName => {
                Self::forbidden("The website has set the name; leave name out")
            }
            VisitorChangeError::VerifiedEmail => {
                Self::forbidden("The website has set the e-mail address; leave email out")
            }
            VisitorChangeError::Store(error) => error.into(),
        }
    }
}

impl From<EraseVisitorError> for ApiError {
    fn from(error: EraseVisitorError) -> Self {
        match error {
            EraseVisitorError::NotFound(id) => Self::visitor_not_found(id),
            EraseVisitorError::Store(error) => error.into(),
        }
    }
}
