//! The errors of accounts of agents and of sign-in.

use super::project_name_exists;
use crate::access::PasswordError;
use crate::domain::ValidationError;
use crate::http::error::ApiError;
use crate::service::agent_account::AccountError;
use crate::service::sign_in::SignInError;

/// Seconds after which a sign-in may be repeated while too many others run.
const RETRY_MANY_SIGN_INS: u64 = 5;

/// 401: the session of an agent does not exist any more.
pub(super) fn signed_out() -> ApiError {
    ApiError::unauthorized("The session has ended; sign in again")
}

/// 409: an account, perhaps of another project, has the e-mail address.
pub(super) fn email_exists() -> ApiError {
    ApiError::conflict("agent", "email").with_message("An account has this e-mail address already")
}

/// 409: a project that has accounts has an owner.
pub(super) fn last_owner() -> ApiError {
    ApiError::conflict("agent", "role")
        .with_message("This is the only owner of the project; make another agent owner first")
}

/// 401: a link that signs in is not valid.
pub(super) fn invalid_link() -> ApiError {
    ApiError::unauthorized(
        "The link was used, replaced, or has expired; ask for a new one: an owner makes it in the \
         inbox, and the operator of the server with `parlor agents link`",
    )
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::WrongPassword => {
                Self::unauthorized("The e-mail address or the password is wrong")
            }
            SignInError::InvalidLink => invalid_link(),
            SignInError::EmailExists => email_exists(),
            SignInError::ProjectNameExists => project_name_exists(),
            SignInError::Password(error) => error.into(),
            SignInError::Random(error) => Self::internal(error),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound(id) => Self::agent_not_found(id),
            AccountError::NoSuchSession(id) => Self::agent_session_not_found(id),
            AccountError::SignedOut => signed_out(),
            AccountError::EmailExists => email_exists(),
            AccountError::LastOwner => last_owner(),
            AccountError::WrongPassword => {
                ValidationError::new("currentPassword", "must be the current password").into()
            }
            AccountError::Password(error) => error.into(),
            AccountError::Random(error) => Self::internal(error),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::overloaded(RETRY_MANY_SIGN_INS, error),
            error => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_that_is_refused_because_of_load_is_no_failure_of_the_server() {
        let refused = ApiError::from(SignInError::Password(PasswordError::Busy));
        assert!(refused.is_overload);
        assert_eq!(refused.retry_after(), Some(RETRY_MANY_SIGN_INS));
        let failed = ApiError::from(SignInError::Password(PasswordError::Thread));
        assert!(!failed.is_overload);
    }
}
