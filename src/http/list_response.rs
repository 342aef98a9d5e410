//! Lists: the JSON of a page, and the response with its headers.

use std::borrow::Cow;
use std::ops::ControlFlow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::access::Owner;
use crate::app::AppState;
use crate::domain::{Limit, Offset};
use crate::http::base_url;
use crate::http::error::ApiError;
use crate::http::etag::TaggedBody;
use crate::http::links::PageLinks;
use crate::http::response::{HandlerResult, TOTAL_COUNT};

/// The type of the object.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListObject {
    List,
}

/// The body of a list. It is serialised without items, which [`ListWriter`]
/// appends.
#[derive(Serialize)]
pub struct ListEnvelope<T> {
    object: ListObject,
    total: u64,
    limit: u64,
    offset: u64,
    data: Vec<T>,
}

/// A type that lists have as items.
pub trait ListItem: ToSchema {
    /// The name of the list in the OpenAPI document.
    const LIST_NAME: &'static str;
    const LIST_DESCRIPTION: &'static str;
}

impl<T: ListItem> PartialSchema for ListEnvelope<T> {
    fn schema() -> RefOr<Schema> {
        let integer = |description: &'static str| {
            let integer = ObjectBuilder::new().schema_type(Type::Integer);
            let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
            let integer = integer.format(Some(format)).minimum(Some(0));
            integer.description(Some(description))
        };
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some("The rows of this page."));
        let list = ObjectBuilder::new()
            .description(Some(T::LIST_DESCRIPTION))
            .property("object", Ref::from_schema_name(ListObject::name()))
            .property("total", integer("The number of matches on all pages."))
            .property("limit", integer("The limit of this page."))
            .property("offset", integer("The `offset` of the request."))
            .property("data", items);
        let required = ["object", "total", "limit", "offset", "data"];
        let list = required.into_iter().fold(list, ObjectBuilder::required);
        RefOr::T(list.into())
    }
}

impl<T: ListItem> ToSchema for ListEnvelope<T> {
    fn name() -> Cow<'static, str> {
        T::LIST_NAME.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ListObject::name().into_owned(), ListObject::schema()));
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// What ends the body of a list.
const LIST_END: &[u8] = b"]}";

/// Writes the items of a list into its body.
#[derive(Clone)]
pub struct ListWriter {
    body: Vec<u8>,
    is_empty: bool,
    /// Whether the body is a JSON object with a list. Otherwise it consists of the items
    /// alone.
    is_object: bool,
}

impl ListWriter {
    /// Begins a page of a list. `total` is the number of matches on all pages.
    ///
    /// # Errors
    /// If serialisation fails.
    pub fn for_page(total: u64, limit: Limit, offset: Offset) -> Result<Self, ApiError> {
        let envelope = ListEnvelope::<()> {
            object: ListObject::List,
            total,
            limit: limit.get(),
            offset: offset.get(),
            data: Vec::new(),
        };
        Ok(Self::reopen(serde_json::to_vec(&envelope)?))
    }

    /// Continues a JSON object whose last member is an empty list.
    pub fn reopen(mut body: Vec<u8>) -> Self {
        body.truncate(body.len().saturating_sub(LIST_END.len()));
        Self {
            body,
            is_empty: true,
            is_object: true,
        }
    }

    /// Begins a body that consists of the items alone, such as lines.
    pub fn for_items() -> Self {
        Self {
            body: Vec::new(),
            is_empty: true,
            is_object: false,
        }
    }

    /// Adds a list as the last member of the JSON object `object`.
    pub fn last_member(mut object: Vec<u8>, name: &str) -> Self {
        // The end of the object.
        object.pop();
        object.extend_from_slice(format!(",\"{name}\":[]}}").as_bytes());
        Self::reopen(object)
    }

    pub fn push(&mut self, item: &impl Serialize) -> Result<(), ApiError> {
        Ok(serde_json::to_writer(self.next_item(), item)?)
    }

    /// The body, to which the caller appends the next item.
    pub fn next_item(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_empty) && self.is_object {
            self.body.push(b',');
        }
        &mut self.body
    }

    pub fn finish(mut self) -> Vec<u8> {
        if self.is_object {
            self.body.extend_from_slice(LIST_END);
        }
        self.body
    }

    /// The number of bytes that were written and not taken.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether more items follow in this step: not if the list has `max_bytes`.
    pub fn flow(&self, max_bytes: usize) -> ControlFlow<()> {
        if self.body.len() < max_bytes {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Removes the items from `length` on, where an item begins.
    pub fn truncate(&mut self, length: usize) {
        self.body.truncate(length);
        self.body.shrink_to_fit();
    }

    /// Takes the bytes that were written. The items that follow continue the list.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }
}

/// The JSON of a page and the number of matches on all pages.
pub struct ListBody {
    pub json: Vec<u8>,
    pub total: u64,
}

impl ListBody {
    /// Responds with the page and the `Link` header `links`.
    ///
    /// # Errors
    /// 429 or 503 if the memory budget does not suffice.
    pub fn respond(
        self,
        app: &AppState,
        request: &HttpRequest,
        owner: Owner,
        links: PageLinks,
    ) -> HandlerResult {
        ListResponse::new(app.signing.current().tag_key, self, links).respond(app, request, owner)
    }
}

/// Adds `X-Total-Count` and `Link`.
pub fn insert_page_headers(
    app: &AppState,
    request: &HttpRequest,
    response: &mut HttpResponse,
    total: HeaderValue,
    links: &PageLinks,
) {
    let headers = response.headers_mut();
    headers.insert(TOTAL_COUNT, total);
    headers.insert(header::LINK, links.header(base_url::of(app, request)));
}

/// A page with its headers, for any number of responses. It contains nothing that
/// depends on the host that a request names.
pub struct ListResponse {
    body: TaggedBody,
    total: HeaderValue,
    links: PageLinks,
}

impl ListResponse {
    pub fn new(tag_key: [u64; 4], body: ListBody, links: PageLinks) -> Self {
        Self {
            total: HeaderValue::from(body.total),
            body: TaggedBody::new(tag_key, body.json),
            links,
        }
    }

    /// Responds with the page.
    ///
    /// # Errors
    /// 429 or 503 if the memory budget does not suffice.
    pub fn respond(&self, app: &AppState, request: &HttpRequest, owner: Owner) -> HandlerResult {
        let mut response = self.body.respond(app, request, owner)?;
        // A client that has the page has these headers.
        if response.status() != StatusCode::NOT_MODIFIED {
            insert_page_headers(app, request, &mut response, self.total.clone(), &self.links);
        }
        Ok(response)
    }

    /// The size in bytes.
    pub fn len(&self) -> usize {
        self.body.len() + self.links.len()
    }
}
