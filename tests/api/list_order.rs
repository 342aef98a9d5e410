//! GET /v2/conversations against a naive sort and filter in memory.

use std::cmp::Ordering;

use fastrand::Rng;
use unicase::UniCase;

use crate::helpers::{MOMENT, Parlor, Stored, ids, string};

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

/// A caller and what they should see.
pub struct View {
    pub credential: String,
    pub rows: Vec<Stored>,
}

/// Two projects, five visitors, and times so few that every column has ties.
pub fn populated(random: &mut Rng, most: usize) -> (Parlor, Vec<View>) {
    let parlor = Parlor::start();
    let mut views = Vec::new();
    for (site, visitors) in [(parlor.site.clone(), 3), (parlor.another_site(), 2)] {
        let mut all = Vec::new();
        for visitor in 0..visitors {
            let session = parlor.visitor_of(&site, &format!("device {visitor}"));
            let mut connection = parlor.sql();
            let seq = session.seq(&connection);
            let transaction = connection.transaction().expect("a transaction");
            let rows: Vec<_> = (0..random.usize(0..=most)).map(|_| row(random)).collect();
            rows.iter().for_each(|row| row.insert(&transaction, seq));
            transaction.commit().expect("a commit");
            all.extend_from_slice(&rows);
            views.push(View {
                credential: session.token,
                rows,
            });
        }
        views.push(View {
            credential: site.private,
            rows: all,
        });
    }
    (parlor, views)
}

pub fn row(random: &mut Rng) -> Stored {
    let moment = |random: &mut Rng| MOMENT + random.i64(0..4);
    Stored {
        // Random in every byte, so that the order of ids is not that of rows.
        id: uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
        created_at: moment(random),
        updated_at: moment(random),
        last_interaction_at: moment(random),
        closed_at: random.bool().then(|| moment(random)),
        is_human_handled: random.bool(),
        title: (random.u8(0..3) > 0).then(|| TITLES[random.usize(0..TITLES.len())].to_owned()),
        ..Stored::default()
    }
}

/// The rule of D9, said once more and slowly.
pub fn expected(
    rows: &[Stored],
    status: Option<&str>,
    sort: &str,
    descending: bool,
) -> Vec<String> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.retain(|row| status.is_none_or(|status| row.status() == status));
    rows.sort_by(|a, b| {
        let order = match sort {
            "id" => Ordering::Equal,
            "createdAt" => a.created_at.cmp(&b.created_at),
            "updatedAt" => a.updated_at.cmp(&b.updated_at),
            "lastInterationAt" => a.last_interaction_at.cmp(&b.last_interaction_at),
            "status" => a.status().cmp(b.status()),
            "isHumanHandled" => a.is_human_handled.cmp(&b.is_human_handled),
            "closedAt" => return nulls_last(a.closed_at, b.closed_at, a, b, descending),
            "title" => return nulls_last(folded(a), folded(b), a, b, descending),
            other => unreachable!("{other}"),
        };
        let order = order.then(a.id.cmp(&b.id));
        if descending { order.reverse() } else { order }
    });
    rows.iter().map(|row| row.id.to_string()).collect()
}

fn folded(row: &Stored) -> Option<String> {
    let title = row.title.as_deref()?;
    Some(UniCase::new(title).to_folded_case())
}

fn nulls_last<T: Ord>(
    one: Option<T>,
    two: Option<T>,
    a: &Stored,
    b: &Stored,
    descending: bool,
) -> Ordering {
    match (one, two) {
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (one, two) => {
            let order = one.cmp(&two).then(a.id.cmp(&b.id));
            if descending { order.reverse() } else { order }
        }
    }
}

/// A query for everything but where the page lies, and what it should find.
pub fn query(sort: &str, direction: &str, status: Option<&str>) -> String {
    let status = status.map_or(String::new(), |status| format!("&status={status}"));
    format!("orderBy={sort}&orderDir={direction}{status}")
}

fn check_page(parlor: &Parlor, view: &View, all: &[String], order: &str, limit: usize, at: usize) {
    let asked = format!("{order}&limit={limit}&offset={at}");
    let page = parlor.list(&view.credential, &asked);
    assert_eq!(page["total"], all.len(), "{asked}");
    assert_eq!(page["limit"], limit, "{asked}");
    assert_eq!(page["offset"], at, "{asked}");
    let expected: Vec<_> = all.iter().skip(at).take(limit).cloned().collect();
    assert_eq!(ids(&page), expected, "{asked}");
    for item in page["data"].as_array().expect("data") {
        let id = string(&item["id"]);
        let row = view.rows.iter().find(|row| row.id.to_string() == id);
        let row = row.expect("a row of the caller's");
        assert_eq!(item["title"].as_str(), row.title.as_deref(), "{id}");
        assert_eq!(item["status"], row.status(), "{id}");
        assert_eq!(item["isHumanHandled"], row.is_human_handled, "{id}");
        assert_eq!(item["closedAt"].is_null(), row.closed_at.is_none(), "{id}");
    }
}

#[test]
fn every_order_and_filter_is_that_of_a_naive_sort_page_by_page() {
    let (parlor, views) = populated(&mut Rng::with_seed(1), 25);
    assert!(views.iter().any(|view| view.rows.len() > 20));
    for view in &views[..4] {
        for sort in SORTS {
            for direction in DIRECTIONS {
                for status in STATUSES {
                    let all = expected(&view.rows, status, sort, direction == "desc");
                    let order = query(sort, direction, status);
                    for at in (0..=all.len() + 7).step_by(7) {
                        check_page(&parlor, view, &all, &order, 7, at);
                    }
                }
            }
        }
    }
}

#[test]
fn random_pages_of_random_data_are_those_of_a_naive_sort() {
    for seed in 0..4 {
        let mut random = Rng::with_seed(0x5EED + seed);
        let most = [0, 2, 12, 40][seed as usize];
        let (parlor, views) = populated(&mut random, most);
        for _ in 0..250 {
            let view = &views[random.usize(0..views.len())];
            let sort = SORTS[random.usize(0..SORTS.len())];
            let direction = DIRECTIONS[random.usize(0..2)];
            let status = STATUSES[random.usize(0..3)];
            let all = expected(&view.rows, status, sort, direction == "desc");
            let limit = match random.bool() {
                true => random.usize(1..=5),
                false => random.usize(1..=100),
            };
            let at = random.usize(0..=all.len() + 3);
            let order = query(sort, direction, status);
            check_page(&parlor, view, &all, &order, limit, at);
        }
    }
}

#[test]
fn a_row_that_is_added_moves_the_pages_of_both_ends_at_once() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let mut expected: Vec<String> = Vec::new();
    for _ in 0..12 {
        expected.insert(0, parlor.started(&visitor));
        let all = parlor.list(&visitor.token, "orderBy=id&limit=100");
        assert_eq!(ids(&all), expected);
        let last = expected.len() - 1;
        let page = parlor.list(&visitor.token, &format!("orderBy=id&limit=1&offset={last}"));
        assert_eq!(ids(&page), [expected[last].clone()]);
        assert_eq!(page["total"], expected.len());
    }
}
