//! Completes the schemas of the OpenAPI document where the derive macros have no
//! way to describe a type, or describe it in a form that code generators do not
//! accept.

use serde_json::{Map, Value, json};

use crate::http::error::ERROR_CODES;
use crate::http::openapi_errors::ERROR_SCHEMA;

const SCHEMA_PREFIX: &str = "#/components/schemas/";

/// Completes all schemas of `document`.
pub fn complete(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas[ERROR_SCHEMA] = error_envelope();
    schemas["ErrorDetail"] = error_detail();
    schemas["ErrorCode"] = error_code();
    // Parts of other types have other properties.
    schemas["MessagePart"]["additionalProperties"] = true.into();
    for union in [
        "AnswerChunk",
        "ConversationEvent",
        "ProjectEvent",
        "ProjectClientFrame",
    ] {
        name_variants(schemas, union);
    }
    simplify(document);
    allow_properties(document);
}

/// The reference to a schema.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMA_PREFIX}{name}") })
}

/// The schema that `reference` refers to.
pub fn resolve<'s>(schemas: &'s Value, reference: &Value) -> Option<&'s Value> {
    let name = reference["$ref"].as_str()?.strip_prefix(SCHEMA_PREFIX)?;
    schemas.get(name)
}

/// The envelope of every error (docs/api-contract.md, section 2.1).
fn error_envelope() -> Value {
    json!({
        "type": "object", "description": "The body of every error response.",
        "required": ["error"], "properties": { "error": reference("ErrorDetail") },
    })
}

fn error_detail() -> Value {
    json!({
        "type": "object", "description": "An error.", "required": ["message", "code"],
        "properties": {
            "message": { "type": "string", "description": "The reason, for people." },
            "code": reference("ErrorCode"),
            "details": {
                "type": "object",
                "description": "Further properties, which depend on the code. The examples of the responses show them.",
            },
        },
    })
}

fn error_code() -> Value {
    let codes: Vec<_> = ERROR_CODES.iter().map(|spec| spec.name).collect();
    json!({ "type": "string", "description": "The kind of an error, for programs.", "enum": codes })
}

/// Turns the variants of a union, which the derive macro writes inline with a
/// title, into schemas with names. A discriminator needs names.
fn name_variants(schemas: &mut Value, union: &str) {
    let Some(Value::Array(variants)) = schemas[union].get_mut("oneOf").map(Value::take) else {
        return;
    };
    let mut mapping = Map::new();
    let mut references = Vec::new();
    for mut variant in variants {
        let title = variant.as_object_mut().and_then(|it| it.remove("title"));
        let Some(Value::String(name)) = title else {
            continue;
        };
        let kind = variant["properties"]["type"]["enum"][0].as_str();
        let target = format!("{SCHEMA_PREFIX}{name}");
        mapping.insert(kind.unwrap_or_default().to_owned(), target.into());
        references.push(reference(&name));
        schemas[&name] = variant;
    }
    schemas[union]["oneOf"] = references.into();
    schemas[union]["discriminator"] = json!({ "propertyName": "type", "mapping": mapping });
}

/// Simplifies the schemas of fields. The derive macro describes an inlined field
/// by `allOf: [type, description and default]` and a nullable one by `oneOf: [type, null]`.
fn simplify(document: &mut Value) {
    for_each_object(document, &|schema| {
        merge_description(schema);
        merge_null(schema);
    });
}

/// Calls `change` with every object in `value`, the inner ones first. Examples
/// and defaults are not schemas and stay as they are.
fn for_each_object(value: &mut Value, change: &impl Fn(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| for_each_object(item, change)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if !["example", "examples", "default"].contains(&name.as_str()) {
                    for_each_object(member, change);
                }
            }
            change(members);
        }
        _ => {}
    }
}

fn merge_description(schema: &mut Map<String, Value>) {
    let Some([Value::Object(inner), Value::Object(other)]) = combined_schemas(schema, "allOf")
    else {
        return;
    };
    let mut other = other.clone();
    let has_no_type = other.remove("type") == Some(json!("object"));
    let is_annotation = |name: &String| ["description", "default"].contains(&name.as_str());
    if has_no_type && other.keys().all(is_annotation) && !inner.contains_key("$ref") {
        let mut inner = inner.clone();
        inner.extend(other);
        *schema = inner;
    }
}

/// Describes a nullable field by `type: [type, "null"]`, or by `anyOf` if the
/// type is a reference.
fn merge_null(schema: &mut Map<String, Value>) {
    let Some([Value::Object(inner), other]) = combined_schemas(schema, "oneOf") else {
        return;
    };
    if *other != json!({ "type": "null" }) {
        return;
    }
    let mut inner = inner.clone();
    schema.remove("oneOf");
    if let Some(kind @ Value::String(_)) = inner.get("type").cloned() {
        inner.insert("type".to_owned(), json!([kind, "null"]));
        schema.extend(inner);
        return;
    }
    if let Some(description) = inner.remove("description") {
        schema.insert("description".to_owned(), description);
    }
    schema.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
}

/// Declares that an object without known properties may have any.
fn allow_properties(document: &mut Value) {
    for_each_object(document, &|schema| {
        let is_object = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.contains(&json!("object")),
            kind => kind == Some(&json!("object")),
        };
        if is_object && !schema.contains_key("properties") {
            schema.insert("additionalProperties".to_owned(), true.into());
        }
    });
}

/// The two schemas that `schema` combines with `keyword`.
fn combined_schemas<'s>(schema: &'s Map<String, Value>, keyword: &str) -> Option<&'s [Value; 2]> {
    schema.get(keyword)?.as_array()?.as_slice().try_into().ok()
}
