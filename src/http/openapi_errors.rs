//! The error responses that operations declare in the OpenAPI document. Their
//! texts and examples are those of [`ERROR_CODES`](super::error::ERROR_CODES).

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::IntoResponses;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};

use crate::http::error::{ApiError, ErrorCode};

/// The name of the schema of all errors in the document.
pub const ERROR_SCHEMA: &str = "ApiError";

/// Declares groups of errors, which `#[utoipa::path]` takes as responses. Two
/// groups of one operation must not share a status.
macro_rules! error_groups {
    ($($(#[$doc:meta])* $group:ident: $($code:ident),+;)*) => {$(
        $(#[$doc])*
        pub struct $group;

        impl IntoResponses for $group {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                describe(&[$(ErrorCode::$code),+])
            }
        }
    )*};
}

error_groups! {
    /// Every operation.
    ServerErrors: RateLimitExceeded, InternalServerError, ServiceUnavailable;
    /// Operations with a bearer credential.
    BearerErrors: Unauthorized, Forbidden, RateLimitExceeded;
    /// Operations with a publishable key.
    KeyErrors: Unauthorized, Forbidden;
    /// Operations with a rate limit but without a bearer credential.
    RateLimitErrors: RateLimitExceeded;
    /// Operations with parameters or a body.
    ValidationErrors: ValidationError;
    /// Operations with a body.
    BodyErrors: InvalidRequestBody, PayloadTooLarge, UnsupportedMediaType;
    /// Operations that change data.
    ConflictErrors: Conflict;
    /// Operations that ask a model.
    ModelErrors: PaymentRequired, BadGateway;
    AgentErrors: AgentNotFound;
    AgentSessionErrors: SessionNotFound;
    AssistantErrors: AssistantNotFound;
    ConversationErrors: ConversationNotFound;
    DocumentErrors: DocumentNotFound, ProjectNotFound;
    KeyNotFoundErrors: KeyNotFound;
    NewKeyErrors: AssistantNotFound;
    ChangedKeyErrors: KeyNotFound, AssistantNotFound;
    MessageErrors: MessageNotFound;
    NoteErrors: NoteNotFound, ConversationNotFound;
    SavedReplyErrors: SavedReplyNotFound;
    SourceErrors: SourceNotFound;
    ProjectErrors: ProjectNotFound;
    QnaErrors: QnaNotFound, ProjectNotFound;
    VisitorErrors: VisitorNotFound;
}

/// Describes `codes`, one response for each status.
fn describe(codes: &[ErrorCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.spec().status).or_default().push(*code);
    }
    let responses = by_status.into_iter().map(|(status, codes)| {
        let response = describe_status(&codes);
        (status.to_string(), RefOr::T(response))
    });
    responses.collect()
}

fn describe_status(codes: &[ErrorCode]) -> Response {
    let examples = codes.iter().map(|code| {
        let body = ApiError::example(*code).body_json();
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        let spec = code.spec();
        let example = ExampleBuilder::new().summary(spec.description).value(value);
        (spec.name, example.build())
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ERROR_SCHEMA)))
        .examples_from_iter(examples)
        .build();
    let description = codes.first().map_or("", |code| code.spec().description);
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build()
}
