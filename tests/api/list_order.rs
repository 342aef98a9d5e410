//! GET /v2/conversations: every order and filter, compared with a sort in memory.

use fastrand::Rng;

use crate::helpers::{ListCaller, ListOrder, TestServer, ids, server_with_random_lists, string};

/// Compares one page with the expected ids of the complete list.
fn check_page(
    server: &TestServer,
    caller: &ListCaller,
    order: ListOrder,
    all: &[String],
    limit: usize,
    offset: usize,
) {
    let query = format!("{}&limit={limit}&offset={offset}", order.query());
    let page = server.list(&caller.credential, &query);
    assert_eq!(page["total"], all.len(), "{query}");
    assert_eq!(page["limit"], limit, "{query}");
    assert_eq!(page["offset"], offset, "{query}");
    let expected: Vec<_> = all.iter().skip(offset).take(limit).cloned().collect();
    assert_eq!(ids(&page), expected, "{query}");
    for item in page["data"].as_array().expect("data") {
        let id = string(&item["id"]);
        let row = caller.rows.iter().find(|row| row.id.to_string() == id);
        let row = row.expect("a row of the caller");
        assert_eq!(item["title"].as_str(), row.title.as_deref(), "{id}");
        assert_eq!(item["status"], row.status(), "{id}");
        assert_eq!(item["isHumanHandled"], row.is_human_handled, "{id}");
        assert_eq!(item["closedAt"].is_null(), row.closed_at.is_none(), "{id}");
    }
}

#[test]
fn list_pages_match_sort_in_memory_for_every_order_and_filter() {
    let (server, callers) = server_with_random_lists(&mut Rng::with_seed(1), 25);
    assert!(callers.iter().any(|caller| caller.rows.len() > 20));
    for caller in &callers[..4] {
        for order in ListOrder::all() {
            let all = order.expected_ids(&caller.rows);
            for offset in (0..=all.len() + 7).step_by(7) {
                check_page(&server, caller, order, &all, 7, offset);
            }
        }
    }
}

#[test]
fn random_list_pages_match_sort_in_memory() {
    for (seed, max_rows) in [0, 2, 12, 40].into_iter().enumerate() {
        let mut random = Rng::with_seed(0x5EED + seed as u64);
        let (server, callers) = server_with_random_lists(&mut random, max_rows);
        let orders: Vec<_> = ListOrder::all().collect();
        for _ in 0..250 {
            let caller = &callers[random.usize(0..callers.len())];
            let order = orders[random.usize(0..orders.len())];
            let all = order.expected_ids(&caller.rows);
            let max_limit = if random.bool() { 5 } else { 100 };
            let limit = random.usize(1..=max_limit);
            let offset = random.usize(0..=all.len() + 3);
            check_page(&server, caller, order, &all, limit, offset);
        }
    }
}

#[test]
fn new_conversation_moves_first_and_last_page() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let mut expected: Vec<String> = Vec::new();
    for _ in 0..12 {
        expected.insert(0, server.start_conversation(&visitor));
        let all = server.list(&visitor.token, "orderBy=id&limit=100");
        assert_eq!(ids(&all), expected);
        let last = expected.len() - 1;
        let page = server.list(&visitor.token, &format!("orderBy=id&limit=1&offset={last}"));
        assert_eq!(ids(&page), [expected[last].clone()]);
        assert_eq!(page["total"], expected.len());
    }
}
