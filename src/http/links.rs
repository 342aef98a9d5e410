//! The `Link` header of a list (RFC 8288): the addresses of its other pages.

use std::fmt;

use actix_web::http::header::HeaderValue;

use crate::domain::{Direction, ListQuery, Sort, Status};

/// The links of a page of conversations. `next` is the cursor at which the next
/// page begins. The page before one that begins at a cursor is unknown.
pub fn for_conversations(query: &ListQuery, total: u64, next: Option<&str>) -> HeaderValue {
    let (limit, offset) = (query.limit.get(), query.offset.get());
    let at = |offset| page_path(query, format_args!("offset={offset}"));
    let prev = if query.after.is_none() {
        previous_offset(limit, offset, total).map(at)
    } else {
        None
    };
    let links = PageLinks {
        first: at(0),
        prev,
        next: next.map(|cursor| page_path(query, format_args!("after={cursor}"))),
        last: at(last_offset(limit, total)),
    };
    links.into_header()
}

/// The links of a page of a list without cursors. `target` returns the address
/// of the page at an offset.
pub fn by_offset(
    limit: u64,
    offset: u64,
    total: u64,
    target: impl Fn(u64) -> String,
) -> HeaderValue {
    let next = offset + limit;
    let links = PageLinks {
        first: target(0),
        prev: previous_offset(limit, offset, total).map(&target),
        next: (next < total).then(|| target(next)),
        last: target(last_offset(limit, total)),
    };
    links.into_header()
}

/// The addresses of the other pages of a list.
struct PageLinks {
    first: String,
    prev: Option<String>,
    next: Option<String>,
    last: String,
}

impl PageLinks {
    fn into_header(self) -> HeaderValue {
        let mut links = format!("<{}>; rel=\"first\"", self.first);
        for (target, relation) in [
            (self.prev, "prev"),
            (self.next, "next"),
            (Some(self.last), "last"),
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
}

/// The offset of the previous page. Before a page past the end, it is the last
/// page.
fn previous_offset(limit: u64, offset: u64, total: u64) -> Option<u64> {
    (offset > 0).then(|| offset.saturating_sub(limit).min(last_offset(limit, total)))
}

/// The offset of the last page.
fn last_offset(limit: u64, total: u64) -> u64 {
    total.saturating_sub(1) / limit * limit
}

/// The path and query of a page of conversations.
fn page_path(query: &ListQuery, from: fmt::Arguments<'_>) -> String {
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
