//! The parsers of requests and the writer of JSON strings, for the fuzz targets in
//! `fuzz/`. Nothing else uses this module.

use crate::access::Cursors;
use crate::domain::{ListQuery, Scope};
use crate::http::body;
use crate::http::error::ApiError;
use crate::http::json::write_string;
use crate::http::list_params::list_request;
use crate::http::routes::{
    agent, agents, completions, conversations, documents, identity, identity_link, keys, messages,
    notes, notifications, projects, qnas, saved_replies, send, sign_in, sources, typing,
};

/// Parses the query string of a list of conversations and verifies its cursor.
///
/// # Errors
/// As for the endpoint.
pub fn list_query(text: &str, scope: Scope, cursors: &Cursors) -> Result<ListQuery, ApiError> {
    Ok(list_request(text, scope, cursors)?.query)
}

/// The parser of one kind of request body.
pub struct BodyParser {
    /// The name of the schema in the OpenAPI document.
    pub schema: &'static str,
    pub parse: fn(&[u8]) -> Result<(), ApiError>,
}

macro_rules! body_parsers {
    ($($module:ident::$body:ident,)*) => {
        &[$(BodyParser {
            schema: stringify!($body),
            parse: |raw| body::parse::<$module::$body>(raw).map(drop),
        }),*]
    };
}

/// The parsers of all request bodies with fields.
pub const BODY_PARSERS: &[BodyParser] = body_parsers! {
    agent::AgentRequest,
    agent::ReplyRequest,
    agents::AgentChangeRequest,
    agents::NewAgentRequest,
    agents::OwnChangeRequest,
    completions::CompletionRequest,
    conversations::CloseRequest,
    conversations::StartRequest,
    documents::NewDocumentRequest,
    identity::IdentifyRequest,
    identity::InitRequest,
    identity::VisitorChangeRequest,
    identity_link::LinkRequest,
    keys::KeyChangeRequest,
    keys::NewKeyRequest,
    messages::FeedbackRequest,
    notes::NewNoteRequest,
    notifications::NotificationChangeRequest,
    notifications::NotificationTestRequest,
    projects::ProjectChangeRequest,
    qnas::NewQnaRequest,
    qnas::QnaChangeRequest,
    saved_replies::NewSavedReplyRequest,
    saved_replies::SavedReplyChangeRequest,
    send::SendRequest,
    sign_in::SetupRequest,
    sign_in::SignInLinkRequest,
    sign_in::SignInRequest,
    sources::LearnSourceRequest,
    sources::NewSourceRequest,
    typing::TypingRequest,
};

/// Writes a text as a JSON string, as the lists of conversations do.
pub fn json_string(text: &str) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_string(text, &mut buffer);
    buffer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::http::openapi::DOCUMENT;

    #[test]
    fn every_request_body_of_the_openapi_document_is_fuzzed() {
        let document: Value = serde_json::from_str(&DOCUMENT).expect("JSON");
        let paths = document["paths"].as_object().expect("paths").values();
        let operations = paths.flat_map(|path| path.as_object().expect("methods").values());
        let schemas = operations.filter_map(|operation| {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            schema["$ref"].as_str()?.rsplit('/').next()
        });
        let documented: BTreeSet<&str> = schemas.collect();
        let fuzzed: BTreeSet<&str> = BODY_PARSERS.iter().map(|parser| parser.schema).collect();
        assert_eq!(fuzzed, documented);
    }
}
