//! Lists: their envelope, and one page of them as an answer.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::response::{Content, TOTAL_COUNT};
use crate::app::AppState;
use crate::http::error::ApiError;

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListObject {
    List,
}

/// The body of a list. It is serialised without items, which [`Listing`]
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
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let list = ObjectBuilder::new()
            .description(Some(T::LIST_DESCRIPTION))
            .property("object", Ref::from_schema_name(ListObject::name()))
            .property(
                "total",
                integer("The number of matches on all pages together."),
            )
            .property("limit", integer("As applied."))
            .property(
                "offset",
                integer("As applied: from the front, or from a cursor."),
            )
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

/// The beginning of a list's body: `envelope`, whose items are empty and come
/// last, without its end.
///
/// # Errors
/// If serialisation fails.
pub fn open_list(envelope: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    let mut body = serde_json::to_vec(envelope)?;
    body.truncate(body.len().saturating_sub(LIST_END.len()));
    Ok(body)
}

/// What ends the body of a list.
pub const LIST_END: &[u8] = b"]}";

/// A page that is being written, straight from the rows.
pub struct Listing {
    body: Vec<u8>,
    total: u64,
    first: bool,
}

impl Listing {
    /// `total`: all that match, on every page together.
    pub fn new(total: u64, limit: u64, offset: u64) -> Result<Self, ApiError> {
        let envelope = ListEnvelope::<()> {
            object: ListObject::List,
            total,
            limit,
            offset,
            data: Vec::new(),
        };
        Ok(Self {
            body: open_list(&envelope)?,
            total,
            first: true,
        })
    }

    pub fn push(&mut self, item: &impl Serialize) -> Result<(), ApiError> {
        Ok(serde_json::to_writer(self.next(), item)?)
    }

    /// The body, for whoever writes the next item by hand.
    pub fn next(&mut self) -> &mut Vec<u8> {
        next_item(&mut self.body, &mut self.first)
    }

    pub fn finish(mut self) -> Page {
        self.body.extend_from_slice(LIST_END);
        Page {
            body: self.body,
            total: self.total,
        }
    }
}

/// The body, in which another item may stand now after those that are there.
pub fn next_item<'b>(body: &'b mut Vec<u8>, first: &mut bool) -> &'b mut Vec<u8> {
    if !std::mem::take(first) {
        body.push(b',');
    }
    body
}

/// A page, written.
pub struct Page {
    body: Vec<u8>,
    pub total: u64,
}

impl Page {
    /// The answer, with the `Link` header `links`.
    pub fn answer(self, app: &AppState, request: &HttpRequest, links: HeaderValue) -> HttpResponse {
        self.finished(app.tag_key, links).answer(request)
    }

    /// All that the answer is made of.
    pub fn finished(self, tag_key: [u64; 4], links: HeaderValue) -> Finished {
        Finished {
            total: HeaderValue::from(self.total),
            content: Content::of(tag_key, self.body),
            links,
        }
    }
}

/// A page with its headers, for any number of answers.
pub struct Finished {
    content: Content,
    total: HeaderValue,
    links: HeaderValue,
}

impl Finished {
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let mut response = self.content.answer(request.headers());
        // Who has the page has these.
        if response.status() != StatusCode::NOT_MODIFIED {
            let headers = response.headers_mut();
            headers.insert(TOTAL_COUNT, self.total.clone());
            headers.insert(header::LINK, self.links.clone());
        }
        response
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.content.len() + self.links.len()
    }
}
