//! The errors of what agents use in the inbox: keys, notes, saved replies, sources,
//! notifications and unanswered questions.

use crate::domain::{MAX_KEYS, MAX_NOTES, MAX_SAVED_REPLIES, MAX_SOURCES};
use crate::http::error::ApiError;
use crate::service::key::ManageKeyError;
use crate::service::note::NoteError;
use crate::service::notification::PRIVATE_HOST;
use crate::service::notification::settings::NotificationError;
use crate::service::saved_reply::SavedReplyError;
use crate::service::source::SourceError;
use crate::service::unanswered::ResolveError;

/// Seconds after which a source may be learned while others are being learned.
const RETRY_MANY_SOURCES: u64 = 30;

impl From<NotificationError> for ApiError {
    fn from(error: NotificationError) -> Self {
        let conflict = |field| Self::conflict("notification_settings", field);
        match error {
            NotificationError::PrivateHost => Self::validation("webhookUrl", PRIVATE_HOST),
            NotificationError::NoWebhook => conflict("webhookUrl")
                .with_message("The project has no webhook; set webhookUrl first"),
            NotificationError::NoAddress => conflict("emails")
                .with_message("The project has no address for notifications; set emails first"),
            NotificationError::NoMailServer => conflict("isEmailConfigured").with_message(
                "The server has no mail server; its operator sets one with --smtp-url and \
                 --email-from",
            ),
            NotificationError::Random(error) => Self::internal(error),
            NotificationError::Store(error) => error.into(),
        }
    }
}

impl From<NoteError> for ApiError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::Find(error) => error.into(),
            NoteError::NotFound(id) => Self::note_not_found(id),
            NoteError::TooMany => Self::conflict("note", "count").with_message(format!(
                "The conversation has {MAX_NOTES} notes, the most that it may have; delete one first"
            )),
            NoteError::Store(error) => error.into(),
        }
    }
}

impl From<SavedReplyError> for ApiError {
    fn from(error: SavedReplyError) -> Self {
        match error {
            SavedReplyError::NotFound(id) => Self::saved_reply_not_found(id),
            SavedReplyError::NameExists => Self::conflict("saved_reply", "name")
                .with_message("Another saved reply has this name; choose another one"),
            SavedReplyError::TooMany => {
                Self::conflict("saved_reply", "count").with_message(format!(
                    "The project has {MAX_SAVED_REPLIES} saved replies, the most that it may \
                     have; delete one first"
                ))
            }
            SavedReplyError::Store(error) => error.into(),
        }
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound(id) => Self::source_not_found(id),
            SourceError::Exists => Self::conflict("source", "url")
                .with_message("The project has a source with this address; learn it again"),
            SourceError::TooMany => Self::conflict("source", "count").with_message(format!(
                "The project has {MAX_SOURCES} sources, the most that it may have; delete one \
                 first"
            )),
            SourceError::Running => Self::conflict("source", "status")
                .with_message("A source of the project is being learned; wait until it has ended"),
            SourceError::Busy => Self::rate_limited(RETRY_MANY_SOURCES).with_message(
                "The server learns sources of other projects; try again when they have ended",
            ),
            SourceError::Folder => Self::validation(
                "sourceId",
                "must be a website; the operator of the server learns folders with `parlor learn`",
            ),
            SourceError::StillRunning => Self::unavailable(RETRY_MANY_SOURCES, error),
            SourceError::Url(error) => error.0.into(),
            SourceError::Thread(error) => Self::internal(error),
            SourceError::Store(error) => error.into(),
        }
    }
}

impl From<ResolveError> for ApiError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NotFound(id) => Self::message_not_found(id),
            ResolveError::Store(error) => error.into(),
        }
    }
}

impl From<ManageKeyError> for ApiError {
    fn from(error: ManageKeyError) -> Self {
        match error {
            ManageKeyError::NotFound(id) => Self::key_not_found(id),
            ManageKeyError::NoSuchAssistant(id) => Self::assistant_not_found(id),
            ManageKeyError::AssistantOfPrivateKey => {
                Self::validation("assistantId", "must be left out for a private key")
            }
            ManageKeyError::IdentityOfPrivateKey => {
                Self::validation("keyId", "must be a publishable key")
            }
            ManageKeyError::TooMany => Self::conflict("key", "count").with_message(format!(
                "The project has {MAX_KEYS} keys, the most that it may have"
            )),
            ManageKeyError::Random(error) => Self::internal(error),
            ManageKeyError::Store(error) => error.into(),
        }
    }
}
