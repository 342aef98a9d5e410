//! GET /v2/conversations: the filters of private keys (docs/api-contract.md, D25).

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::helpers::{
    ConversationRow, EXAMPLE_TIME, ListOrder, ProjectFixture, Response, TestServer, UNKNOWN_ID,
    Visitor, all_ids, follow_next, ids, insert_conversations, insert_rows, random_row, string,
    take_visitor_details, wait_until,
};
use crate::one_node;

/// The values of `isHumanHandled`.
const FLAGS: [Option<bool>; 3] = [None, Some(true), Some(false)];

/// A visitor with an external id and random conversations.
struct VisitorRows {
    visitor: Visitor,
    external_id: String,
    rows: Vec<ConversationRow>,
}

impl VisitorRows {
    fn create(server: &TestServer, project: &ProjectFixture, name: &str, random: &mut Rng) -> Self {
        let visitor = server.create_visitor_in(project, name);
        let external_id = format!("shop & {name}");
        set_visitor(server, &visitor, "external_id", &external_id);
        let count = random.usize(12..30);
        let rows: Vec<_> = (0..count).map(|_| random_row(random)).collect();
        insert_rows(server, &visitor, &rows);
        Self {
            visitor,
            external_id,
            rows,
        }
    }

    /// Each way to name the visitor in a query.
    fn filters(&self) -> [String; 3] {
        let id = format!("&visitorId={}", self.visitor.id);
        let external_id = format!("&externalId={}", self.external_id.replace(" & ", "+%26+"));
        [id.clone(), external_id.clone(), id + &external_id]
    }
}

/// Changes a column of a visitor, as another program.
fn set_visitor(server: &TestServer, visitor: &Visitor, column: &str, value: &str) {
    let connection = server.db_connection();
    let sql = format!("UPDATE visitor SET {column} = ? WHERE seq = ?");
    let updated = connection.execute(&sql, (value, visitor.seq(&connection)));
    assert_eq!(updated, Ok(1));
}

/// The list of a private key.
fn list(server: &TestServer, query: &str) -> Value {
    server.list(&server.project.private_key, query)
}

fn get_list(server: &TestServer, query: &str) -> Response {
    server.get_list(&server.project.private_key, query)
}

fn flag_parameter(flag: Option<bool>) -> String {
    flag.map(|flag| format!("&isHumanHandled={flag}"))
        .unwrap_or_default()
}

fn waiting_parameter(waiting: Option<bool>) -> String {
    waiting
        .map(|waiting| format!("&waiting={waiting}"))
        .unwrap_or_default()
}

/// Compares random pages and a walk along the `next` links with a sort in memory.
fn check_list(server: &TestServer, query: &str, expected: &[String], random: &mut Rng) {
    for _ in 0..2 {
        let (limit, offset) = (random.usize(1..=9), random.usize(0..=expected.len() + 2));
        let page = list(server, &format!("{query}&limit={limit}&offset={offset}"));
        assert_eq!(page["total"], expected.len(), "{query}");
        let ids_of_page: Vec<_> = expected.iter().skip(offset).take(limit).cloned().collect();
        assert_eq!(
            ids(&page),
            ids_of_page,
            "{query}&limit={limit}&offset={offset}"
        );
    }
    let query = format!("{query}&limit={}", random.usize(2..=9));
    let pages = follow_next(server, &server.project.private_key, &query);
    assert_eq!(all_ids(&pages), expected, "{query}");
    assert!(pages.iter().all(|page| page["total"] == expected.len()));
}

#[test]
fn filtered_lists_match_filter_and_sort_in_memory() {
    let mut random = Rng::with_seed(25);
    let server = TestServer::start();
    let create =
        |name: &str, random: &mut Rng| VisitorRows::create(&server, &server.project, name, random);
    let visitors = ["ann", "ben"].map(|name| create(name, &mut random));
    let other = server.create_project();
    VisitorRows::create(&server, &other, "ann", &mut random);
    let all: Vec<_> = visitors
        .iter()
        .flat_map(|visitor| visitor.rows.clone())
        .collect();
    for order in ListOrder::all() {
        for flag in FLAGS {
            let waiting = FLAGS[random.usize(..3)];
            let expected = |rows: &[ConversationRow]| {
                let mut rows = rows.to_vec();
                rows.retain(|row| flag.is_none_or(|flag| row.is_human_handled == flag));
                rows.retain(|row| waiting.is_none_or(|flag| row.waiting_since.is_some() == flag));
                order.expected_ids(&rows)
            };
            let query = order.query() + &flag_parameter(flag) + &waiting_parameter(waiting);
            check_list(&server, &query, &expected(&all), &mut random);
            let one = &visitors[random.usize(..2)];
            let filter = &one.filters()[random.usize(..3)];
            check_list(
                &server,
                &(query + filter),
                &expected(&one.rows),
                &mut random,
            );
        }
    }
}

#[test]
fn list_of_an_unknown_visitor_is_empty() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    set_visitor(&server, &ann, "external_id", "7");
    insert_conversations(&server, &ann, 3);
    let other = server.create_project();
    let stranger = server.create_visitor_in(&other, "ann");
    set_visitor(&server, &stranger, "external_id", "8");
    insert_conversations(&server, &stranger, 3);
    for filter in [
        format!("visitorId={UNKNOWN_ID}"),
        format!("visitorId={}", stranger.id),
        "externalId=8".to_owned(),
        "externalId=none".to_owned(),
        format!("visitorId={}&externalId=8", ann.id),
        format!("visitorId={}&externalId=7", stranger.id),
    ] {
        for more in [
            "",
            "&status=open",
            "&isHumanHandled=false&orderBy=title",
            "&offset=5",
        ] {
            let response = get_list(&server, &format!("{filter}{more}"));
            let page = response.expect(200);
            assert_eq!(page["total"], 0, "{filter}{more}");
            assert_eq!(page["data"], json!([]), "{filter}{more}");
            assert_eq!(response.header("x-total-count"), Some("0"));
            assert!(response.link("next").is_none());
        }
    }
    assert_eq!(
        list(&server, &format!("visitorId={}&externalId=7", ann.id))["total"],
        3
    );
}

#[test]
fn filters_are_unknown_parameters_for_session_tokens() {
    let server = TestServer::start();
    let [ann, ben] = ["ann", "ben"].map(|name| server.create_visitor(name));
    insert_conversations(&server, &ann, 3);
    insert_conversations(&server, &ben, 2);
    let plain = server.get_list(&ann.token, "limit=2");
    let cursor = plain.link("next").expect("a next page");
    for query in [
        format!("visitorId={}", ben.id),
        "visitorId=x".to_owned(),
        "externalId=none&externalId=none".to_owned(),
        "isHumanHandled=true".to_owned(),
        "isHumanHandled=x".to_owned(),
        "waiting=true".to_owned(),
        "waiting=x".to_owned(),
        "include=visitor".to_owned(),
        "include=".to_owned(),
    ] {
        let response = server.get_list(&ann.token, &format!("limit=2&{query}"));
        assert_eq!(response.text(), plain.text(), "{query}");
        assert_eq!(response.links(), plain.links(), "{query}");
        let next = server.get(format!("{cursor}&{query}")).bearer(&ann.token);
        assert_eq!(ids(&next.send().expect(200)).len(), 1, "{query}");
    }
}

#[test]
fn invalid_filters_return_422() {
    let server = TestServer::start();
    for (query, field, reason) in [
        ("visitorId=", "visitorId", "UUID"),
        ("visitorId=7", "visitorId", "UUID"),
        ("externalId=", "externalId", "1 to 200 characters"),
        (
            &format!("externalId={}", "x".repeat(201)),
            "externalId",
            "1 to 200 characters",
        ),
        ("isHumanHandled=", "isHumanHandled", "true, false"),
        ("isHumanHandled=1", "isHumanHandled", "true, false"),
        ("isHumanHandled=TRUE", "isHumanHandled", "true, false"),
        ("waiting=", "waiting", "true, false"),
        ("waiting=1", "waiting", "true, false"),
        ("waiting=true&waiting=true", "waiting", "once"),
        ("include=x", "include", "visitor"),
        ("include=visitor&include=visitor", "include", "once"),
        (
            "isHumanHandled=true&isHumanHandled=true",
            "isHumanHandled",
            "once",
        ),
    ] {
        get_list(&server, query).expect_validation_error(field, reason);
    }
}

/// The filters that tell lists apart.
fn filters(visitor: &Visitor) -> [String; 8] {
    [
        String::new(),
        "isHumanHandled=true".to_owned(),
        "isHumanHandled=false".to_owned(),
        "waiting=true".to_owned(),
        "waiting=false".to_owned(),
        format!("visitorId={}", visitor.id),
        "externalId=a%26b%3D+%C3%A9".to_owned(),
        format!(
            "isHumanHandled=false&visitorId={}&include=visitor",
            visitor.id
        ),
    ]
}

/// A server with a visitor of whose conversations every second is handled by an agent.
fn setup() -> (TestServer, Visitor) {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    set_visitor(&server, &ann, "external_id", "a&b= é");
    let rows = (0..16).map(|number| ConversationRow {
        is_human_handled: number % 2 == 0,
        waiting_since: (number % 4 == 1).then_some(EXAMPLE_TIME),
        ..ConversationRow::default()
    });
    insert_rows(&server, &ann, &rows.collect::<Vec<_>>());
    (server, ann)
}

#[test]
fn links_keep_filters_and_cursors_are_bound_to_them() {
    let (server, ann) = setup();
    let mut cursors = Vec::new();
    for filter in filters(&ann) {
        let first = get_list(&server, &format!("limit=2&{filter}"));
        for (_, link) in first.links() {
            assert!(link.ends_with(&filter), "{filter}: {link}");
        }
        let next = first.link("next").expect("a next page");
        let after = next.split_once("after=").expect("a cursor").1;
        let after = after.split_once('&').expect("more parameters").0;
        cursors.push((filter, after.to_owned()));
    }
    for (filter, _) in &cursors {
        for (of, after) in &cursors {
            let response = get_list(&server, &format!("limit=2&{filter}&after={after}"));
            if of == filter {
                assert_eq!(ids(&response.expect(200)).len(), 2, "{filter}");
            } else {
                response.expect_validation_error("after", "Link header of the same list");
            }
        }
    }
    // What a list includes does not change its rows.
    let (filter, after) = &cursors[5];
    let included = get_list(&server, &format!("{filter}&after={after}&include=visitor"));
    assert_eq!(ids(&included.expect(200)).len(), 10);
    let visitors_own = server.get_list(&ann.token, &format!("after={after}"));
    visitors_own.expect_validation_error("after", "Link header of the same list");
}

#[test]
fn cached_pages_are_those_of_their_filter() {
    one_node!("each node has a list cache of its own");
    let (server, ann) = setup();
    let uncached = filters(&ann).map(|filter| get_list(&server, &filter));
    let distinct: HashSet<_> = uncached.iter().map(|page| page.text().to_owned()).collect();
    // The visitor is the only one of the project.
    assert_eq!(distinct.len(), 6);
    let own = server.get_list(&ann.token, "");
    let hits = server.list_cache_stats.hits();
    for (filter, page) in filters(&ann).iter().zip(&uncached) {
        let cached = get_list(&server, filter);
        assert_eq!(cached.text(), page.text(), "{filter}");
        for name in ["link", "etag", "x-total-count"] {
            assert_eq!(cached.header(name), page.header(name), "{filter}: {name}");
        }
    }
    assert_eq!(server.get_list(&ann.token, "").links(), own.links());
    assert_eq!(server.list_cache_stats.hits() - hits, 9);
}

#[test]
fn filtered_lists_show_every_acknowledged_write() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let of_ann = format!("visitorId={}", ann.id);
    let totals = || {
        [
            "",
            "isHumanHandled=true",
            "isHumanHandled=false",
            "status=closed&isHumanHandled=true",
            &of_ann,
        ]
        .map(|query| list(&server, query)["total"].as_u64().expect("a number"))
    };
    assert_eq!(totals(), [0; 5]);
    let id = server.start_conversation(&ann);
    assert_eq!(totals(), [1, 0, 1, 0, 1]);
    server.take_over(&id).send().expect(200);
    assert_eq!(totals(), [1, 1, 0, 0, 1]);
    server.hand_back(&id).send().expect(200);
    assert_eq!(totals(), [1, 0, 1, 0, 1]);
    server.take_over(&id).send().expect(200);
    server.close(&ann.token, &id).send().expect(200);
    assert_eq!(totals(), [1, 1, 0, 1, 1]);
    let page = list(&server, "isHumanHandled=true&orderBy=closedAt");
    assert_eq!(ids(&page), [id]);
}

/// Another visitor can get an external id that a list was empty for.
#[test]
fn empty_list_of_an_external_id_is_not_cached_beyond_its_first_conversation() {
    let server = TestServer::start();
    for expected in [0, 0] {
        assert_eq!(list(&server, "externalId=7")["total"], expected);
    }
    let import = json!({ "visitor": { "externalId": "7" } });
    let import = server.post("/v2/conversations").json(import);
    import
        .bearer(&server.project.private_key)
        .send()
        .expect(201);
    assert_eq!(list(&server, "externalId=7")["total"], 1);
}

#[test]
fn include_visitor_adds_the_visitor_to_each_conversation() {
    let server = TestServer::start();
    let [ann, ben] = ["ann", "ben"].map(|name| server.create_visitor(name));
    for (column, value) in [
        ("external_id", "customer 7"),
        ("name", "Zoë \"Z\""),
        ("avatar_url", "https://shop.example/z.png"),
    ] {
        set_visitor(&server, &ann, column, value);
    }
    let mut expected = Vec::new();
    for (visitor, name) in [(&ann, Some("Zoë \"Z\"")), (&ben, None)] {
        let is_identified = name.is_some();
        for id in insert_conversations(&server, visitor, 2) {
            let of_visitor = json!({
                "object": "visitor",
                "id": visitor.id,
                "type": if is_identified { "identified" } else { "anonymous" },
                "externalId": is_identified.then_some("customer 7"),
                "name": name,
                "avatarUrl": is_identified.then_some("https://shop.example/z.png"),
            });
            expected.push((id, of_visitor));
        }
    }
    let page = list(&server, "include=visitor&orderBy=createdAt");
    let items = page["data"].as_array().expect("data");
    assert_eq!(items.len(), 4);
    for item in items {
        let mut item = item.clone();
        take_visitor_details(&mut item["visitor"]);
        let id = string(&item["id"]);
        let (_, visitor) = expected
            .iter()
            .find(|(of, _)| *of == id)
            .expect("a conversation");
        assert_eq!(item["visitor"], *visitor);
    }
    let plain = list(&server, "orderBy=createdAt");
    assert_eq!(ids(&plain), ids(&page));
    for item in plain["data"].as_array().expect("data") {
        assert!(item.get("visitor").is_none());
    }
}

#[test]
fn list_with_visitors_changes_with_the_name_of_a_visitor() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    insert_conversations(&server, &ann, 1);
    let first = get_list(&server, "include=visitor");
    assert_eq!(first.json()["data"][0]["visitor"]["name"], json!(null));
    set_visitor(&server, &ann, "name", "Ann");
    // The server notices writes of other programs within a second.
    wait_until("the list shows the name", || {
        get_list(&server, "include=visitor").json()["data"][0]["visitor"]["name"] == "Ann"
    });
    let etag = first.header("etag").expect("an ETag").to_owned();
    let again = server.get("/v2/conversations?include=visitor");
    let again = again.bearer(&server.project.private_key);
    again.header("If-None-Match", etag).send().expect(200);
}

/// Bodies above one megabyte are streamed in several reads.
#[test]
fn streamed_list_includes_visitors() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let stored = insert_conversations(&server, &ann, 100);
    let connection = server.db_connection();
    let sql = "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
               SELECT randomblob(16), seq, 5, 'user', 'complete', ? FROM conversation";
    connection
        .execute(sql, ["x".repeat(20_000)])
        .expect("messages");
    let sql = "UPDATE conversation SET last_message_seq = \
               (SELECT seq FROM message WHERE conversation_seq = conversation.seq)";
    connection.execute(sql, ()).expect("last messages");
    let page = list(&server, "limit=100&include=visitor&isHumanHandled=false");
    let items = page["data"].as_array().expect("data");
    assert_eq!(items.len(), stored.len());
    for item in items {
        assert_eq!(item["visitor"]["id"], ann.id);
        assert!(item["lastMessage"].is_object());
    }
}
