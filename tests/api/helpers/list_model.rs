//! A second, simple implementation of the list of conversations, to compare
//! the server with.

use std::cmp::Ordering;

use fastrand::Rng;
use serde_json::Value;
use unicase::UniCase;
use uuid::Builder;

use super::{ConversationRow, EXAMPLE_TIME, TestServer, ids, insert_rows};

pub const SORTS: [&str; 8] = [
    "id",
    "createdAt",
    "updatedAt",
    "lastInterationAt",
    "status",
    "closedAt",
    "isHumanHandled",
    "title",
];
pub const DIRECTIONS: [&str; 2] = ["asc", "desc"];
pub const STATUSES: [Option<&str>; 3] = [None, Some("open"), Some("closed")];

const TITLES: [&str; 14] = [
    "apple",
    "Apple",
    "APPLE",
    "Äpfel",
    "äpfel",
    "straße",
    "STRASSE",
    "Σίσυφος",
    "ΣΊΣΥΦΟΣ",
    "日本語",
    "🦆 duck",
    "",
    "zebra",
    "Ёлка",
];

/// A credential and the conversations that it may list.
pub struct ListCaller {
    pub credential: String,
    pub rows: Vec<ConversationRow>,
}

/// A sort, a direction and a filter.
#[derive(Debug, Clone, Copy)]
pub struct ListOrder {
    pub sort: &'static str,
    pub direction: &'static str,
    pub status: Option<&'static str>,
}

impl ListOrder {
    /// Every combination.
    pub fn all() -> impl Iterator<Item = Self> {
        let status_orders = |sort, direction| {
            STATUSES.into_iter().map(move |status| Self {
                sort,
                direction,
                status,
            })
        };
        SORTS.into_iter().flat_map(move |sort| {
            let directions = DIRECTIONS.into_iter();
            directions.flat_map(move |direction| status_orders(sort, direction))
        })
    }

    pub fn query(self) -> String {
        let Self {
            sort, direction, ..
        } = self;
        let status = self.status.map(|status| format!("&status={status}"));
        format!(
            "orderBy={sort}&orderDir={direction}{}",
            status.unwrap_or_default()
        )
    }

    /// The ids of the complete list (docs/api-contract.md, section 6.1): nulls
    /// last in both directions, ties broken by the id.
    pub fn expected_ids(self, rows: &[ConversationRow]) -> Vec<String> {
        let is_descending = self.direction == "desc";
        let mut rows: Vec<_> = rows.iter().collect();
        rows.retain(|row| self.status.is_none_or(|status| row.status() == status));
        rows.sort_by(|a, b| {
            let order = match self.sort {
                "id" => Ordering::Equal,
                "createdAt" => a.created_at.cmp(&b.created_at),
                "updatedAt" => a.updated_at.cmp(&b.updated_at),
                "lastInterationAt" => a.last_interaction_at.cmp(&b.last_interaction_at),
                "status" => a.status().cmp(b.status()),
                "isHumanHandled" => a.is_human_handled.cmp(&b.is_human_handled),
                "closedAt" => {
                    return nulls_last([a.closed_at, b.closed_at], a, b, is_descending);
                }
                "title" => {
                    return nulls_last([folded_title(a), folded_title(b)], a, b, is_descending);
                }
                other => unreachable!("{other}"),
            };
            reverse_if(is_descending, order.then(a.id.cmp(&b.id)))
        });
        rows.iter().map(|row| row.id.to_string()).collect()
    }
}

fn folded_title(row: &ConversationRow) -> Option<String> {
    let title = row.title.as_deref()?;
    Some(UniCase::new(title).to_folded_case())
}

fn nulls_last<T: Ord>(
    values: [Option<T>; 2],
    a: &ConversationRow,
    b: &ConversationRow,
    is_descending: bool,
) -> Ordering {
    match values {
        [Some(_), None] => Ordering::Less,
        [None, Some(_)] => Ordering::Greater,
        [first, second] => reverse_if(is_descending, first.cmp(&second).then(a.id.cmp(&b.id))),
    }
}

fn reverse_if(is_descending: bool, order: Ordering) -> Ordering {
    if is_descending {
        order.reverse()
    } else {
        order
    }
}

/// A server with two projects and five visitors, each with up to `max_rows`
/// random conversations. Returns the visitors and the private keys as callers.
pub fn server_with_random_lists(
    random: &mut Rng,
    max_rows: usize,
) -> (TestServer, Vec<ListCaller>) {
    let server = TestServer::start();
    let mut callers = Vec::new();
    for (project, visitors) in [(server.project.clone(), 3), (server.create_project(), 2)] {
        let mut project_rows = Vec::new();
        for visitor in 0..visitors {
            let visitor = server.create_visitor_in(&project, &format!("device {visitor}"));
            let count = random.usize(0..=max_rows);
            let rows: Vec<_> = (0..count).map(|_| random_row(random)).collect();
            insert_rows(&server, &visitor, &rows);
            project_rows.extend_from_slice(&rows);
            callers.push(ListCaller {
                credential: visitor.token,
                rows,
            });
        }
        callers.push(ListCaller {
            credential: project.private_key,
            rows: project_rows,
        });
    }
    (server, callers)
}

/// A row whose values come from small sets, so that every column has ties.
pub fn random_row(random: &mut Rng) -> ConversationRow {
    let time = |random: &mut Rng| EXAMPLE_TIME + random.i64(0..4);
    let closed_at = random.bool().then(|| time(random));
    let is_human_handled = random.bool();
    let can_wait = closed_at.is_none() && !is_human_handled;
    ConversationRow {
        // Random in every byte: the order of ids differs from the order of rows.
        id: Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
        created_at: time(random),
        updated_at: time(random),
        last_interaction_at: time(random),
        closed_at,
        is_human_handled,
        waiting_since: (can_wait && random.bool()).then(|| time(random)),
        title: (random.u8(0..3) > 0).then(|| TITLES[random.usize(0..TITLES.len())].to_owned()),
        ..ConversationRow::default()
    }
}

/// The pages from `query` on, by following the `next` links to the end.
pub fn follow_next(server: &TestServer, credential: &str, query: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut response = server.get_list(credential, query);
    loop {
        pages.push(response.expect(200));
        let Some(next) = response.link("next") else {
            return pages;
        };
        response = server.get(next).bearer(credential).send();
    }
}

/// The ids of several pages, in their order.
pub fn all_ids(pages: &[Value]) -> Vec<String> {
    pages.iter().flat_map(ids).collect()
}
