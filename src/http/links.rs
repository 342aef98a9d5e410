//! Addresses in answers: the `Link` header of a list, which says where it goes
//! on from here (RFC 8288), and this server's own.

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use crate::app::AppState;
use crate::domain::{Direction, ListQuery, Sort, Status};

/// The pages around one of `total` conversations. The next one begins after a
/// cursor, where there is one. After a cursor it is not known which page comes
/// before.
pub fn of(query: &ListQuery, total: u64, next: Option<&str>) -> HeaderValue {
    let (limit, offset) = (query.limit.get(), query.offset.get());
    let at = |offset| target(query, format_args!("offset={offset}"));
    header(Around {
        first: at(0),
        prev: match query.after {
            None => previous(limit, offset, total).map(at),
            Some(_) => None,
        },
        next: next.map(|cursor| target(query, format_args!("after={cursor}"))),
        last: at(last(limit, total)),
    })
}

/// The same of any list whose pages are all counted from the front, `target`
/// being the page that begins at an offset.
pub fn pages(limit: u64, offset: u64, total: u64, target: impl Fn(u64) -> String) -> HeaderValue {
    let next = offset + limit;
    header(Around {
        first: target(0),
        prev: previous(limit, offset, total).map(&target),
        next: (next < total).then(|| target(next)),
        last: target(last(limit, total)),
    })
}

/// Where the pages around this one are.
struct Around {
    first: String,
    prev: Option<String>,
    next: Option<String>,
    last: String,
}

fn header(around: Around) -> HeaderValue {
    let Around { first, last, .. } = around;
    let mut links = format!("<{first}>; rel=\"first\"");
    for (target, relation) in [
        (around.prev, "prev"),
        (around.next, "next"),
        (Some(last), "last"),
    ] {
        if let Some(target) = target {
            links.push_str(", <");
            links.push_str(&target);
            links.push_str(">; rel=\"");
            links.push_str(relation);
            links.push('"');
        }
    }
    HeaderValue::try_from(links).unwrap_or(HeaderValue::from_static(""))
}

/// The offset of the page before this one; of one past the end, the last.
fn previous(limit: u64, offset: u64, total: u64) -> Option<u64> {
    (offset > 0).then(|| offset.saturating_sub(limit).min(last(limit, total)))
}

/// The offset of the last page.
fn last(limit: u64, total: u64) -> u64 {
    total.saturating_sub(1) / limit * limit
}

/// The base of absolute URLs in the response to `request`.
pub fn base_url(app: &AppState, request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    app.own_urls.base(host)
}

fn target(query: &ListQuery, from: fmt::Arguments<'_>) -> String {
    let status = match query.status {
        None => "",
        Some(Status::Open) => "&status=open",
        Some(Status::Closed) => "&status=closed",
    };
    let name = |(name, sort): &(&'static str, Sort)| (*sort == query.sort).then_some(*name);
    let sort = Sort::NAMES.iter().find_map(name).unwrap_or_default();
    let direction = match query.direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    };
    let limit = query.limit.get();
    format!("/v2/conversations?limit={limit}&{from}{status}&orderBy={sort}&orderDir={direction}")
}
