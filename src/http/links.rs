//! The `Link` header of a list: where it goes on from here (RFC 8288).

use actix_web::http::header::HeaderValue;

use crate::domain::{Direction, PageQuery, Sort, Status};

/// The first, previous, next and last page of a list of `total`.
pub fn of(query: &PageQuery, total: u64) -> HeaderValue {
    let (limit, offset) = (query.limit.get(), query.offset.get());
    let last = total.saturating_sub(1) / limit * limit;
    let mut links = vec![link(query, 0, "first")];
    if offset > 0 {
        links.push(link(query, offset.saturating_sub(limit).min(last), "prev"));
    }
    if offset + limit < total {
        links.push(link(query, offset + limit, "next"));
    }
    links.push(link(query, last, "last"));
    HeaderValue::from_str(&links.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

fn link(query: &PageQuery, offset: u64, relation: &str) -> String {
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
    format!(
        "</v2/conversations?limit={limit}&offset={offset}{status}&orderBy={sort}&orderDir={direction}>; rel=\"{relation}\""
    )
}
