//! The OpenAPI document of a server, with which real responses are compared.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Response, TestServer, string};

/// Headers of HTTP, of CORS and of the body, which documents do not declare.
const UNDECLARED_HEADERS: [&str; 8] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "transfer-encoding",
];

/// The OpenAPI document of a server.
pub struct OpenApiDocument(pub Value);

impl OpenApiDocument {
    pub fn read(server: &TestServer) -> Self {
        Self(server.get("/v2/openapi").send().expect(200))
    }

    fn operations(&self) -> impl Iterator<Item = &Value> {
        let paths = self.0["paths"].as_object().expect("paths");
        paths
            .values()
            .flat_map(|methods| methods.as_object().expect("methods").values())
    }

    pub fn operation_ids(&self) -> BTreeSet<String> {
        let ids = self.operations();
        ids.map(|operation| string(&operation["operationId"]))
            .collect()
    }

    pub fn operation(&self, id: &str) -> &Value {
        let found = self
            .operations()
            .find(|operation| operation["operationId"] == id);
        found.unwrap_or_else(|| panic!("no operation {id}"))
    }

    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(target) => self.0.pointer(&target[1..]).expect("a component"),
            None => value,
        }
    }

    /// The example body of the request.
    pub fn request_example(&self, id: &str) -> Value {
        let content = &self.operation(id)["requestBody"]["content"]["application/json"];
        assert!(content["example"].is_object(), "{id} has no example");
        content["example"].clone()
    }

    /// The declared response to a status.
    pub fn response(&self, id: &str, status: u16) -> &Value {
        let responses = &self.operation(id)["responses"];
        let declared = responses.get(status.to_string());
        self.resolve(declared.unwrap_or_else(|| panic!("{id} does not declare {status}")))
    }

    /// Asserts that the headers are declared, and that the required ones are
    /// sent.
    pub fn check_headers(&self, id: &str, status: u16, names: &BTreeSet<String>) {
        let declared = self.response(id, status)["headers"].as_object();
        let declared = declared.unwrap_or_else(|| panic!("{id} {status} declares no headers"));
        let names_in_lower_case = declared.keys().map(|name| name.to_ascii_lowercase());
        let declared_names: BTreeSet<_> = names_in_lower_case.collect();
        let is_declared = |name: &&String| {
            UNDECLARED_HEADERS.contains(&name.as_str()) || declared_names.contains(*name)
        };
        let undeclared: Vec<_> = names.iter().filter(|name| !is_declared(name)).collect();
        assert!(undeclared.is_empty(), "{id} {status} sends {undeclared:?}");
        for (name, header) in declared {
            let is_required = self.resolve(header)["required"] == true;
            let is_sent = names.contains(&name.to_ascii_lowercase());
            assert!(is_sent || !is_required, "{id} {status} lacks {name}");
        }
    }

    /// Asserts that the status, the headers, the media type and the keys of the
    /// body are those that the document declares.
    #[track_caller]
    pub fn check(&self, id: &str, response: &Response) {
        let status = response.status;
        self.check_headers(id, status, &response.header_names());
        let Some(media_type) = response.header("content-type") else {
            assert!(response.body.is_empty(), "{id} {status}");
            return;
        };
        let media_type = media_type.split(';').next().expect("a media type");
        let content = self.response(id, status)["content"].get(media_type);
        let content = content.unwrap_or_else(|| panic!("{id} {status} returns {media_type}"));
        match content.get("example") {
            Some(Value::String(example)) if id == "export-conversations" => {
                check_lines(media_type, example, response.text());
            }
            Some(example @ Value::String(_)) => assert_eq!(example, response.text(), "{id}"),
            // The example of the document is only its beginning.
            Some(_) if id == "get-openapi" => {}
            Some(example) => check_keys(id, example, &response.json()),
            None => assert!(content["examples"].is_object(), "{id} {status}: no example"),
        }
    }
}

/// Asserts that two values have the same keys, in objects within them too. Null
/// stands for any value.
pub fn check_keys(place: &str, example: &Value, actual: &Value) {
    let keys = |value: &Value| {
        let keys = value.as_object().into_iter().flat_map(|map| map.keys());
        keys.cloned().collect::<BTreeSet<_>>()
    };
    match (example, actual) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(members), _) => {
            assert_eq!(keys(example), keys(actual), "{place}");
            for (name, member) in members {
                check_keys(&format!("{place}.{name}"), member, &actual[name]);
            }
        }
        (Value::Array(items), Value::Array(actual_items)) => {
            if let (Some(item), Some(actual_item)) = (items.first(), actual_items.first()) {
                check_keys(&format!("{place}[0]"), item, actual_item);
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(example),
            std::mem::discriminant(actual),
            "{place}"
        ),
    }
}

/// Asserts that the first line of an export has the keys or columns of the example.
fn check_lines(media_type: &str, example: &str, actual: &str) {
    let [example, actual] = [example, actual].map(|text| text.lines().next().expect("a line"));
    if media_type == "text/csv" {
        return assert_eq!(example, actual);
    }
    let json = |line| serde_json::from_str(line).expect("JSON");
    check_keys("export-conversations", &json(example), &json(actual));
}

/// The names of the headers in the head of a response.
pub fn header_names(head: &str) -> BTreeSet<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, _)| name.to_ascii_lowercase()).collect()
}
