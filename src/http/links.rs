//! Addresses in answers: the `Link` header of a list, which says where it goes
//! on from here (RFC 8288), and this server's own.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use crate::app::App;
use crate::domain::{Direction, Origin, PageQuery, Sort, Status};

/// The first, previous, next and last page of a list of `total` conversations.
pub fn of(query: &PageQuery, total: u64) -> HeaderValue {
    let (limit, offset) = (query.limit.get(), query.offset.get());
    pages(limit, offset, total, |offset| target(query, offset))
}

/// The same of any list, `target` being the page that begins at an offset.
pub fn pages(limit: u64, offset: u64, total: u64, target: impl Fn(u64) -> String) -> HeaderValue {
    let link = |offset, relation| format!("<{}>; rel=\"{relation}\"", target(offset));
    let last = total.saturating_sub(1) / limit * limit;
    let mut links = vec![link(0, "first")];
    if offset > 0 {
        links.push(link(offset.saturating_sub(limit).min(last), "prev"));
    }
    if offset + limit < total {
        links.push(link(offset + limit, "next"));
    }
    links.push(link(last, "last"));
    HeaderValue::from_str(&links.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

/// This server's address as the caller knows it: what the settings say, else
/// the host that the request names.
pub fn server(app: &App, request: &HttpRequest) -> String {
    if let Some(public) = &app.settings.public_url {
        return public.as_str().to_owned();
    }
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let named = Origin::of(&format!("http://{host}"));
    let named = named.or_else(|| app.own_origins.first().cloned());
    named.map_or_else(String::new, |origin| origin.as_str().to_owned())
}

fn target(query: &PageQuery, offset: u64) -> String {
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
        "/v2/conversations?limit={limit}&offset={offset}{status}&orderBy={sort}&orderDir={direction}"
    )
}
