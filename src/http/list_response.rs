//! Lists: their envelope, and one page of them as an answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::response::{Content, TOTAL_COUNT};
use crate::app::AppState;
use crate::http::error::ApiError;

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `Listing` writes")]
pub enum ListObject {
    List,
}

/// A page that is being written, straight from the rows.
pub struct Listing {
    body: Vec<u8>,
    total: u64,
    first: bool,
}

impl Listing {
    /// `total`: all that match, on every page together.
    pub fn new(total: u64, limit: u64, offset: u64) -> Self {
        let head = format!(
            r#"{{"object":"list","total":{total},"limit":{limit},"offset":{offset},"data":["#
        );
        Self {
            body: head.into_bytes(),
            total,
            first: true,
        }
    }

    pub fn push(&mut self, item: &impl Serialize) -> Result<(), ApiError> {
        Ok(serde_json::to_writer(self.next(), item)?)
    }

    /// The body, for whoever writes the next item by hand.
    pub fn next(&mut self) -> &mut Vec<u8> {
        next_item(&mut self.body, &mut self.first)
    }

    pub fn finish(mut self) -> Page {
        self.body.extend_from_slice(b"]}");
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
