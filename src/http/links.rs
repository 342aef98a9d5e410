//! The `Link` header of a list (RFC 8288): the URLs of its other pages.

use std::fmt;

use actix_web::http::header::HeaderValue;
use url::form_urlencoded::byte_serialize;

use crate::domain::{Direction, ExternalId, ListRequest, Sort, Status};
use crate::own_urls::BaseUrl;

/// The links of a page of conversations. `next` is the cursor at which the next
/// page begins. The page before one that begins at a cursor is unknown.
pub fn for_conversations(request: &ListRequest, total: u64, next: Option<&str>) -> PageLinks {
    let (limit, offset) = (request.query.limit.get(), request.query.offset.get());
    let at = |offset| page_path(request, format_args!("offset={offset}"));
    let prev = if request.query.after.is_none() {
        previous_offset(limit, offset, total).map(at)
    } else {
        None
    };
    PageLinks {
        first: at(0),
        prev,
        next: next.map(|cursor| page_path(request, format_args!("after={cursor}"))),
        last: at(last_offset(limit, total)),
    }
}

/// The links of a page of a list without cursors. `path` returns the path and
/// query of the page at an offset.
pub fn by_offset(limit: u64, offset: u64, total: u64, path: impl Fn(u64) -> String) -> PageLinks {
    let next = offset + limit;
    PageLinks {
        first: path(0),
        prev: previous_offset(limit, offset, total).map(&path),
        next: (next < total).then(|| path(next)),
        last: path(last_offset(limit, total)),
    }
}

/// The separator of two links.
const SEPARATOR: &str = ", ";

/// The paths and queries of the other pages of a list. They are the same for all
/// callers; the base of the URLs depends on the request.
pub struct PageLinks {
    first: String,
    prev: Option<String>,
    next: Option<String>,
    last: String,
}

impl PageLinks {
    /// Builds the header of one response. A cached list builds it for each
    /// request, so it takes one allocation, of the exact size.
    pub fn header(&self, base: BaseUrl<'_>) -> HeaderValue {
        let mut header = String::with_capacity(self.header_len(base));
        for (path, relation) in self.with_relations() {
            if !header.is_empty() {
                header.push_str(SEPARATOR);
            }
            header.push('<');
            base.push_to(&mut header);
            header.push_str(path);
            header.push_str(">; rel=\"");
            header.push_str(relation);
            header.push('"');
        }
        HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static(""))
    }

    fn header_len(&self, base: BaseUrl<'_>) -> usize {
        let links = self.with_relations().map(|(path, relation)| {
            SEPARATOR.len() + "<>; rel=\"\"".len() + base.length() + path.len() + relation.len()
        });
        links.sum::<usize>().saturating_sub(SEPARATOR.len())
    }

    /// The size in bytes.
    pub fn len(&self) -> usize {
        self.with_relations().map(|(path, _)| path.len()).sum()
    }

    fn with_relations(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let links = [
            (Some(&self.first), "first"),
            (self.prev.as_ref(), "prev"),
            (self.next.as_ref(), "next"),
            (Some(&self.last), "last"),
        ];
        let links = links.into_iter();
        links.filter_map(|(path, relation)| Some((path?.as_str(), relation)))
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
fn page_path(request: &ListRequest, from: fmt::Arguments<'_>) -> String {
    let query = &request.query;
    let status = match query.filter.status {
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
    let mut path = format!(
        "/v2/conversations?limit={limit}&{from}{status}&orderBy={sort}&orderDir={direction}"
    );
    push_private_parameters(&mut path, request);
    path
}

/// Appends the parameters that only private keys have.
fn push_private_parameters(path: &mut String, request: &ListRequest) {
    let mut push = |name: &str, value: Option<&str>| {
        let Some(value) = value else { return };
        path.extend(["&", name, "="]);
        path.extend(byte_serialize(value.as_bytes()));
    };
    let is_human_handled = request.query.filter.is_human_handled;
    let visitor_id = request.visitor.id.map(|id| id.to_string());
    let external_id = request.visitor.external_id.as_ref();
    let flag_text = |flag| if flag { "true" } else { "false" };
    push("isHumanHandled", is_human_handled.map(flag_text));
    push("waiting", request.search.is_waiting.map(flag_text));
    push("visitorId", visitor_id.as_deref());
    push("externalId", external_id.map(ExternalId::as_str));
    push("q", request.search.text.as_deref());
    let times = [
        ("createdAfter", request.search.created_after),
        ("createdBefore", request.search.created_before),
    ];
    for (name, time) in times {
        let mut text = [0; 24];
        push(name, time.map(|time| time.format_iso8601(&mut text)));
    }
    push("include", request.includes_visitor.then_some("visitor"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_urls::Scheme;

    #[test]
    fn header_has_absolute_urls_and_the_exact_size() {
        let links = by_offset(10, 10, 25, |offset| format!("/v2/x?offset={offset}"));
        for (authority, base) in [("a.example", "https://a.example"), ("b", "https://b")] {
            let request = BaseUrl::new(Scheme::Https, authority).expect(authority);
            let targets = [(0, "first"), (0, "prev"), (20, "next"), (20, "last")];
            let targets = targets.map(|(offset, relation)| {
                format!("<{base}/v2/x?offset={offset}>; rel=\"{relation}\"")
            });
            let expected = targets.join(", ");
            assert_eq!(links.header(request), expected.as_str());
            assert_eq!(links.header_len(request), expected.len());
        }
    }
}
