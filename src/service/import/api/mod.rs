//! Imports conversations from the API of another server: from parlor with a private key,
//! or from a server with the hosted service's API what a session token may see.

mod client;
mod conversation_stream;
mod lists;
mod messages;
mod objects;

use std::io;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use url::Url;

use super::rules;
use super::writer::{ImportSummary, RecordWriter, RefusedRecord, WriteError};
use crate::config::Secret;
use crate::domain::ProjectId;
use crate::store::Store;
use crate::store::backup::Monitor;
use crate::store::export::{Record, parse_json};
use client::ApiClient;

/// About the size of a record without its texts.
const RECORD_BYTES: usize = 300;

/// Why an import from an API ended before its end. What was imported before is stored.
#[derive(Debug, thiserror::Error)]
pub enum ApiImportError {
    #[error("the server cannot be reached: {0}; run the same command again to continue")]
    Unreachable(String),
    #[error("the key or session token is not valid on this server; check PARLOR_IMPORT_KEY")]
    Unauthorized,
    #[error("the credential has characters that no key and no token has; check PARLOR_IMPORT_KEY")]
    Credential,
    #[error(
        "the server refused GET {0} with status {1}; check the URL, and that the server is a parlor of this version (for a private key)"
    )]
    Refused(String, StatusCode),
    #[error(
        "the server redirects to another address; name that address with --from-api if it is the server that you trust"
    )]
    Redirect,
    #[error("the server is overloaded; run the same command again later to continue")]
    Busy,
    #[error(
        "the server demands a wait of {0} seconds; run the same command again then to continue"
    )]
    RetryLater(u64),
    #[error("a response of the server has more than {0} MB")]
    TooLarge(usize),
    #[error("the import is incomplete: {0}; run the same command again")]
    Incomplete(String),
    #[error("a response of the server is not what the API returns: {0}")]
    Invalid(String),
    #[error("stopped; what was imported so far is kept. Run the same command again to continue")]
    Cancelled,
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the import cannot run: {0}")]
    Io(#[from] io::Error),
}

impl ApiImportError {
    /// Reports the innermost cause, which is the most specific.
    fn unreachable(error: &reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Unreachable(cause.to_string())
    }

    fn refused(path: &str, status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            status if status.is_redirection() => Self::Redirect,
            status => Self::Refused(path.to_owned(), status),
        }
    }
}

/// The server to import from.
pub struct ApiSource {
    /// The URL of the API, which ends in `/v2`.
    pub base: Url,
    /// A private key or a session token.
    pub credential: Secret,
    pub requests_per_second: u32,
}

/// Imports all conversations that the credential may read into a project.
///
/// # Errors
/// The server or the database fails, or the monitor is cancelled. What was read before is
/// imported; a repeated import continues.
pub fn import_from_api(
    store: &Store,
    project: ProjectId,
    source: &ApiSource,
    monitor: &Monitor,
    report: &mut dyn FnMut(&RefusedRecord),
) -> Result<ImportSummary, ApiImportError> {
    let mut import = ApiImport {
        client: ApiClient::new(
            source.base.clone(),
            &source.credential,
            source.requests_per_second,
            monitor,
        )?,
        project,
        writer: RecordWriter::new(store, report),
        monitor,
    };
    // Tokens contain dots, keys do not.
    let result = if source.credential.reveal().contains('.') {
        import.read_lists()
    } else {
        import.read_export()
    };
    import.writer.flush()?;
    result.map(|()| import.writer.summary)
}

struct ApiImport<'a> {
    client: ApiClient<'a>,
    project: ProjectId,
    writer: RecordWriter<'a>,
    monitor: &'a Monitor<'a>,
}

/// Imports a record. Returns false if the record breaks a rule, which is reported.
fn push(
    writer: &mut RecordWriter<'_>,
    record: Record,
    size: usize,
) -> Result<bool, ApiImportError> {
    if let Err(reason) = rules::check(&record) {
        writer.refuse(record, reason);
        return Ok(false);
    }
    writer.push(0, size, record)?;
    Ok(true)
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ApiImportError> {
    let text = std::str::from_utf8(json).map_err(|_| "it is not UTF-8".to_owned());
    let parsed = text.and_then(|text| parse_json(text).map_err(|error| error.0));
    parsed.map_err(|reason| ApiImportError::Invalid(reason.chars().take(200).collect()))
}
