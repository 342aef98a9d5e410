//! Completes the operations of the OpenAPI document with the facts that follow
//! from a rule: headers, conditional requests, idempotency keys, event streams,
//! required bodies, open operations. The examples are in
//! `openapi_examples.json`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::http::idempotency::MAX_KEY_CHARS;
use crate::http::openapi_schemas::{reference, resolve};

/// The examples of requests and successful responses by operation.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("openapi_examples.json")).unwrap_or_default()
});

/// Completes all operations of `document`.
pub fn complete(document: &mut Value) {
    let components = &mut document["components"];
    components["headers"] = headers();
    components["parameters"] = parameters();
    components["responses"] = responses();
    let schemas = components["schemas"].clone();
    let paths = document["paths"].as_object_mut();
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            complete_operation(&schemas, path, method, operation);
        }
    }
}

fn complete_operation(schemas: &Value, path: &str, method: &str, operation: &mut Value) {
    if operation.get("security").is_none() {
        operation["security"] = json!([]);
    }
    admit_agents(operation);
    if operation.get("requestBody").is_some() {
        operation["requestBody"]["required"] = has_required_field(schemas, operation).into();
    }
    describe_parameters(schemas, operation);
    add_examples(operation);
    let responses = operation["responses"].as_object_mut();
    for (status, response) in responses.into_iter().flatten() {
        describe_stream(response);
        for name in header_names(schemas, method, status, response) {
            let target = format!("#/components/headers/{name}");
            response["headers"][name] = json!({ "$ref": target });
        }
    }
    let id = operation["operationId"].as_str().unwrap_or_default();
    if MESSAGE_SEARCHES.contains(&id) {
        let header = json!({ "$ref": "#/components/headers/X-Incomplete-Results" });
        operation["responses"]["200"]["headers"]["X-Incomplete-Results"] = header;
    }
    describe_secrets(operation);
    if method != "get" {
        if !ignores_keys(path) {
            add_parameter(operation, "IdempotencyKey");
        }
    } else if is_tagged(&operation["responses"]["200"]) {
        add_parameter(operation, "IfNoneMatch");
        operation["responses"]["304"] = json!({ "$ref": "#/components/responses/NotModified" });
    }
}

/// An agent who has signed in may call what a private key may call
/// (docs/api-contract.md, section 3.7).
fn admit_agents(operation: &mut Value) {
    let schemes = operation["security"].as_array_mut();
    for schemes in schemes.into_iter() {
        if schemes.contains(&json!({ "private-key": [] })) {
            schemes.push(json!({ "agent": [] }));
        }
    }
}

/// Whether the operations of a path ignore `Idempotency-Key`: those of accounts, sign-ins
/// and sessions by a link, whose passwords and tokens are not stored for repeated requests,
/// and those whose repetition has no effect (docs/api-contract.md, section 11).
fn ignores_keys(path: &str) -> bool {
    matches!(path, "/setup" | "/identity/identify" | "/identity/link")
        || path.starts_with("/agents")
        || path.ends_with("/typing")
        || path.ends_with("/read")
}

/// The operations that start or end a session of an agent, by the status of their success.
const SIGN_INS: [(&str, &str); 4] = [
    ("set-up", "201"),
    ("sign-in", "200"),
    ("sign-in-with-link", "200"),
    ("sign-out", "204"),
];

/// Operations whose response has a link that signs in.
const LINKS: [&str; 2] = ["create-agent", "create-sign-in-link"];

/// Adds the headers of responses that no cache may store.
fn describe_secrets(operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    if let Some((_, status)) = SIGN_INS.iter().find(|(sign_in, _)| *sign_in == id) {
        let headers = &mut operation["responses"][status]["headers"];
        headers["Set-Cookie"] = header("Set-Cookie");
        headers["Cache-Control"] = header("Cache-Control");
    } else if LINKS.contains(&id) {
        operation["responses"]["201"]["headers"]["Cache-Control"] = header("Cache-Control");
    }
}

/// Whether the response to GET has an `ETag`. Exports are streamed.
fn is_tagged(response: &Value) -> bool {
    !response.is_null() && response["content"].get(LINES).is_none()
}

/// The operations that search messages.
const MESSAGE_SEARCHES: [&str; 2] = ["get-conversations", "export-conversations"];

/// The media type of lines of JSON.
const LINES: &str = "application/x-ndjson";

/// Whether the body of an operation has a required field. Otherwise a request
/// may omit the body (docs/api-contract.md, section 2.3).
fn has_required_field(schemas: &Value, operation: &Value) -> bool {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let required = resolve(schemas, schema).and_then(|schema| schema["required"].as_array());
    required.is_some_and(|names| !names.is_empty())
}

/// Gives a parameter without a description that of its schema.
fn describe_parameters(schemas: &Value, operation: &mut Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let schema = parameter.get("schema");
        let schema = schema.and_then(|schema| resolve(schemas, schema));
        let description = schema.and_then(|schema| schema.get("description")).cloned();
        if let (None, Some(description)) = (parameter.get("description"), description) {
            parameter["description"] = description;
        }
    }
}

fn add_parameter(operation: &mut Value, name: &str) {
    let parameter = json!({ "$ref": format!("#/components/parameters/{name}") });
    match &mut operation["parameters"] {
        Value::Array(parameters) => parameters.push(parameter),
        none => *none = json!([parameter]),
    }
}

fn add_examples(operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let Some(examples) = EXAMPLES.get(id) else {
        return;
    };
    if let Some(example) = examples.get("request") {
        operation["requestBody"]["content"]["application/json"]["example"] = example.clone();
    }
    let responses = examples["responses"].as_object();
    for (status, contents) in responses.into_iter().flatten() {
        for (media_type, example) in contents.as_object().into_iter().flatten() {
            let content = &mut operation["responses"][status]["content"][media_type];
            content["example"] = example.clone();
        }
    }
}

/// Describes the events of a stream. OpenAPI 3.1 has no keyword for streams, so
/// the schema is that of a text, and `contentSchema` is that of its events.
fn describe_stream(response: &mut Value) {
    if let Some(stream) = response.pointer_mut("/content/text~1event-stream") {
        stream["schema"] = json!({
            "type": "string",
            "description": "Server-sent events. The data of each event is an `AnswerChunk` as JSON. The data of the last event is `[DONE]`. Lines that begin with `:` keep the connection open.",
            "contentMediaType": "text/event-stream",
            "contentSchema": reference("AnswerChunk"),
        });
    }
    // An index would insert an absent member.
    if let Some(lines) = response.pointer_mut("/content/application~1x-ndjson") {
        lines["schema"] = json!({
            "type": "string",
            "description": "Lines that each are a `ConversationExport` as JSON.",
            "contentMediaType": LINES,
            "contentSchema": lines["schema"],
        });
    }
}

// ── Headers ──

/// The names of the headers of a response.
fn header_names(
    schemas: &Value,
    method: &str,
    status: &str,
    response: &Value,
) -> Vec<&'static str> {
    let mut names = vec!["X-Request-Id", "Vary"];
    names.extend_from_slice(match status {
        "101" => &["Connection", "Upgrade", "Sec-WebSocket-Accept"],
        "401" => &["Cache-Control", "WWW-Authenticate"],
        "429" | "503" => &["Cache-Control", "Retry-After"],
        _ if status.starts_with(['4', '5']) => &["Cache-Control"],
        _ if is_page(schemas, response) => &["Cache-Control", "ETag", "Link", "X-Total-Count"],
        _ if method == "get" && !is_tagged(response) => &["Cache-Control", "Content-Disposition"],
        _ if method == "get" => &["Cache-Control", "ETag"],
        _ if response["content"].get("text/event-stream").is_some() => &[
            "Cache-Control",
            "X-Accel-Buffering",
            "X-Vercel-AI-UI-Message-Stream",
        ],
        _ => &[],
    });
    names
}

/// Whether the body is a page of a list.
fn is_page(schemas: &Value, response: &Value) -> bool {
    let schema = &response["content"]["application/json"]["schema"];
    let schema = resolve(schemas, schema);
    schema.is_some_and(|schema| schema["properties"].get("total").is_some())
}

/// The headers of responses. Those that only some of the responses with a
/// reference to them have are not required.
fn headers() -> Value {
    let header = |kind, description| {
        let schema = json!({ "type": kind });
        json!({ "description": description, "required": true, "schema": schema })
    };
    let optional = |description| {
        let schema = json!({ "type": "string" });
        json!({ "description": description, "schema": schema })
    };
    json!({
        "X-Request-Id": header("string", "The id of the request. It is the `X-Request-Id` of the request if that has 1 to 64 letters, digits, `-`, `_` or `.`."),
        "Vary": header("string", "The request headers on which the response depends."),
        "Cache-Control": optional("`private, no-cache` for a response with an `ETag`, `no-cache` for a stream, `no-store` for an export, a link, a session and an error."),
        "Set-Cookie": header("string", "The cookie of the session, or its removal."),
        "Content-Disposition": header("string", "`attachment` with the name of a file."),
        "ETag": header("string", "The version of the body, as a strong entity tag. Send it as `If-None-Match` to receive the body only if it has changed."),
        "Link": header("string", "The URLs of the pages with the relations `first`, `prev`, `next` and `last` (RFC 8288). A relation without a page is absent. In a list with cursors, `next` has a cursor, and a page at a cursor has no `prev`."),
        "X-Total-Count": header("integer", "The number of matches on all pages, as `total`."),
        "X-Incomplete-Results": optional("`true` for a search with `q` whose result may lack matches, because many messages are still being indexed."),
        "Retry-After": header("integer", "The number of seconds after which the request may be repeated, as `details.retryAfter`."),
        "WWW-Authenticate": header("string", "`Bearer`."),
        "X-Accel-Buffering": optional("`no` for a stream, so that a proxy does not buffer it."),
        "X-Vercel-AI-UI-Message-Stream": optional("`v1` for a stream: the version of the UI message stream of the AI SDK."),
        "Connection": header("string", "`upgrade`."),
        "Upgrade": header("string", "`websocket`."),
        "Sec-WebSocket-Accept": header("string", "The response to `Sec-WebSocket-Key` (RFC 6455)."),
    })
}

/// The parameters have no examples: the reference page would send them with each request
/// that a user tries, and a repeated key is a conflict.
fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A key that the client chooses for this request, such as a UUID. If the request is repeated with the same key within 24 hours, it returns the first response and is not executed again. The same key with another request is a conflict.",
            "schema": { "type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!-~]+$" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The `ETag` of an earlier response. If the body has not changed, the status is 304 and there is no body.",
            "schema": { "type": "string" },
        },
    })
}

fn responses() -> Value {
    let names = ["X-Request-Id", "Vary", "Cache-Control", "ETag"];
    let reference = |name| {
        let target = format!("#/components/headers/{name}");
        (name, json!({ "$ref": target }))
    };
    let headers: serde_json::Map<_, _> = names
        .into_iter()
        .map(reference)
        .map(|(name, header)| (name.to_owned(), header))
        .collect();
    json!({
        "NotModified": {
            "description": "The client has the current body, as `If-None-Match` shows.",
            "headers": headers,
        },
    })
}
