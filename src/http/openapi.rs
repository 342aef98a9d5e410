//! The OpenAPI document of the API, which is generated from the code.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    agent, completions, conversations, documents, events, identity, messages, projects, qnas,
    search, send,
};
use crate::app::AppState;
use crate::http::error::ERROR_CODES;
use crate::http::etag;
use crate::http::openapi_errors::{ERROR_SCHEMA, ServerErrors};

#[derive(OpenApi)]
#[openapi(
    info(title = "parlor", description = include_str!("openapi.md")),
    servers((url = "/v2")),
    paths(
        identity::init, identity::me, projects::current, conversations::list,
        conversations::start, conversations::read, conversations::close, messages::list,
        send::send, messages::rate, completions::create, agent::take_over, agent::hand_back,
        agent::reply, events::listen,
        search::search, qnas::list, qnas::read, qnas::create, qnas::update, qnas::remove,
        documents::list, documents::create, documents::read, documents::remove, document,
    ),
    tags(
        (name = "Conversations", description = "The conversations of visitors with a website."),
        (name = "Messages", description = "The messages of a conversation."),
        (name = "Agents", description = "A human agent takes a conversation over from the assistant."),
        (name = "Chat completions", description = "Answers that are not stored."),
        (name = "Identity", description = "Sessions and visitors."),
        (name = "Projects", description = "A website and the appearance of its chat."),
        (name = "Q&As", description = "Questions that the website has answered."),
        (name = "Documents", description = "Pages that the project has learned."),
        (name = "Search", description = "Search in the documents and Q&As of a project."),
        (name = "Reference", description = "This document."),
    ),
    modifiers(&SecuritySchemes),
)]
struct ApiDoc;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = |description: &str, format: &str| {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format(format)
                .description(Some(description));
            SecurityScheme::Http(scheme.build())
        };
        components.add_security_scheme(
            "session",
            bearer("The session token from POST /identity/init.", "JWT"),
        );
        components.add_security_scheme(
            "private-key",
            bearer(
                "A private key, `sk_…`. For servers only, never in a web page.",
                "key",
            ),
        );
    }
}

/// Whether the body of an operation has a required field. Otherwise a request
/// may omit the body (docs/api-contract.md, section 1.3).
fn has_required_field(schemas: &Value, operation: &Value) -> bool {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = schema.as_str().and_then(|to| to.rsplit('/').next());
    let required = name.map(|name| &schemas[name]["required"]);
    required
        .and_then(Value::as_array)
        .is_some_and(|names| !names.is_empty())
}

/// The document as JSON.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut document = serde_json::to_value(ApiDoc::openapi()).unwrap_or_default();
    let schemas = &mut document["components"]["schemas"];
    schemas[ERROR_SCHEMA] = error_schema();
    schemas["StartVisitor"]["oneOf"] =
        json!([{ "required": ["externalId"] }, { "required": ["saVid"] }]);
    let schemas = schemas.clone();
    let paths = document["paths"].as_object_mut();
    for methods in paths.into_iter().flatten().map(|(_, methods)| methods) {
        for operation in methods
            .as_object_mut()
            .into_iter()
            .flatten()
            .map(|(_, operation)| operation)
        {
            if operation.get("requestBody").is_some() {
                operation["requestBody"]["required"] =
                    json!(has_required_field(&schemas, operation));
            }
        }
    }
    simplify(&mut document);
    document.to_string().into_bytes()
});

/// Simplifies the schemas of inlined fields. The derive macro describes a field
/// by `allOf: [type, description]` and a nullable one by `oneOf: [type, null]`.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(members) => {
            members.values_mut().for_each(simplify);
            merge_description(members);
            merge_null(members);
        }
        _ => {}
    }
}

fn merge_description(schema: &mut Map<String, Value>) {
    let Some([Value::Object(inner), other]) = combined_schemas(schema, "allOf") else {
        return;
    };
    let mut inner = inner.clone();
    let description = other["description"].clone();
    if !inner.contains_key("$ref")
        && *other == json!({ "type": "object", "description": description })
    {
        inner.insert("description".to_owned(), description);
        *schema = inner;
    }
}

fn merge_null(schema: &mut Map<String, Value>) {
    let Some([Value::Object(inner), other]) = combined_schemas(schema, "oneOf") else {
        return;
    };
    let mut inner = inner.clone();
    if *other == json!({ "type": "null" }) && inner.get("enum").is_none() {
        let Some(kind @ Value::String(_)) = inner.get("type").cloned() else {
            return;
        };
        inner.insert("type".to_owned(), json!([kind, "null"]));
        schema.remove("oneOf");
        schema.extend(inner);
    }
}

/// The two schemas that `schema` combines with `keyword`.
fn combined_schemas<'s>(schema: &'s Map<String, Value>, keyword: &str) -> Option<&'s [Value; 2]> {
    schema.get(keyword)?.as_array()?.as_slice().try_into().ok()
}

/// The envelope of every error (docs/api-contract.md, section 2.1).
fn error_schema() -> Value {
    let codes: Vec<_> = ERROR_CODES.iter().map(|spec| spec.name).collect();
    json!({
        "type": "object", "required": ["error"],
        "properties": { "error": {
            "type": "object", "required": ["message", "code"],
            "properties": {
                "message": { "type": "string", "description": "For people." },
                "code": { "type": "string", "enum": codes },
                "details": { "type": "object", "description": "Depends on the code; see its example." },
            },
        } },
    })
}

/// Read this document
#[utoipa::path(get, path = "/openapi", tag = "Reference", operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object),
              ServerErrors))]
pub async fn document(app: web::Data<AppState>, request: HttpRequest) -> HttpResponse {
    etag::respond_public(&app, &request, DOCUMENT.clone())
}
