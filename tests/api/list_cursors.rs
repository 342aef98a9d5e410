//! GET /v2/conversations?after=: pages after a cursor, and invalid cursors.

use std::collections::HashSet;

use fastrand::Rng;

use crate::helpers::{
    ConversationRow, DIRECTIONS, ListOrder, Response, SORTS, TestServer, all_ids, follow_next, ids,
    insert_conversations, insert_rows, server_with_random_lists,
};

/// A part of the reason that an invalid cursor is refused with.
const REASON: &str = "Link header of the same list";

/// The cursor in the `next` link of a page.
#[track_caller]
fn next_cursor(response: &Response) -> String {
    let next = response.link("next").expect("a next page");
    let (_, after) = next.split_once("after=").expect("a cursor");
    let (cursor, _) = after.split_once('&').expect("more parameters");
    cursor.to_owned()
}

#[test]
fn offset_counts_from_cursor() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let mut stored = insert_conversations(&server, &visitor, 30);
    stored.reverse();
    let after = next_cursor(&server.get_list(&visitor.token, "limit=5"));
    for (more, limit, offset) in [
        ("", 10, 0),
        ("&limit=5", 5, 0),
        ("&limit=100", 100, 0),
        ("&limit=5&offset=7", 5, 7),
        ("&limit=5&offset=23", 5, 23),
        ("&limit=5&offset=25", 5, 25),
        ("&offset=1000", 10, 1000),
    ] {
        let response = server.get_list(&visitor.token, &format!("after={after}{more}"));
        let page = response.expect(200);
        let rest = stored.iter().skip(5).skip(offset);
        assert!(rest.clone().take(limit).eq(&ids(&page)), "{more}");
        assert_eq!(page["total"], 30, "{more}");
        assert_eq!(page["limit"], limit, "{more}");
        assert_eq!(page["offset"], offset, "{more}");
        let relations: Vec<_> = response.links().into_iter().map(|(name, _)| name).collect();
        if rest.count() > limit {
            assert_eq!(relations, ["first", "next", "last"], "{more}");
        } else {
            assert_eq!(relations, ["first", "last"], "{more}");
        }
    }
}

#[test]
fn offset_above_1000_with_cursor_returns_422() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 3);
    let after = next_cursor(&server.get_list(&visitor.token, "limit=1"));
    for offset in ["1001", "9007199254740991"] {
        let query = format!("after={after}&offset={offset}");
        server
            .get_list(&visitor.token, &query)
            .expect_validation_error("offset", "0 to 1000 together with after");
    }
}

#[test]
fn next_link_returns_following_page_for_every_offset() {
    let (server, callers) = server_with_random_lists(&mut Rng::with_seed(3), 14);
    let caller = &callers[3];
    for order in ListOrder::all().filter(|order| order.status.is_none()) {
        let all = order.expected_ids(&caller.rows);
        for offset in 0..all.len() + 2 {
            let query = format!("{}&limit=3&offset={offset}", order.query());
            let page = server.get_list(&caller.credential, &query);
            let next = page.link("next").map(|next| {
                let request = server.get(next).bearer(&caller.credential);
                ids(&request.send().expect(200))
            });
            let rest = all.get(offset + 3..).filter(|rest| !rest.is_empty());
            let expected = rest.map(|rest| rest[..rest.len().min(3)].to_vec());
            assert_eq!(next, expected, "{query}");
        }
    }
}

#[test]
fn links_keep_query_and_first_and_last_use_offsets() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 9);
    let order = "status=open&orderBy=lastInteractionAt&orderDir=asc";
    let first = server.get_list(&visitor.token, &format!("limit=2&{order}"));
    let rest = "&status=open&orderBy=lastInterationAt&orderDir=asc";
    let after = next_cursor(&first);
    let list = format!("http://{}/v2/conversations", server.0);
    let expected = format!("{list}?limit=2&after={after}{rest}");
    assert_eq!(first.link("next"), Some(expected.clone()));
    let second = server.get(expected).bearer(&visitor.token).send();
    let ends = ["first", "last"].map(|relation| second.link(relation));
    let end = |offset| Some(format!("{list}?limit=2&offset={offset}{rest}"));
    assert_eq!(ends, [end(0), end(8)]);
}

#[test]
fn empty_or_null_cursor_returns_first_page() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 3);
    let first = server.get_list(&visitor.token, "limit=2");
    for query in ["after=", "after", "after=null"] {
        let response = server.get_list(&visitor.token, &format!("limit=2&{query}"));
        assert_eq!(response.expect(200), first.json(), "{query}");
        assert_eq!(response.links(), first.links(), "{query}");
    }
}

#[test]
fn invalid_cursor_returns_422() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 3);
    let valid = next_cursor(&server.get_list(&visitor.token, "limit=1"));
    let invalid = [
        "x",
        "0",
        "NULL",
        "%00",
        "%FF",
        "AQ",
        &"A".repeat(56),
        &"A".repeat(4000),
        &valid[1..],
        &valid[..valid.len() - 1],
        &format!("{valid}A"),
        &format!("{valid}="),
        &format!("%20{valid}"),
        &valid.to_ascii_lowercase(),
    ]
    .map(str::to_owned);
    for cursor in invalid {
        let response = server.get_list(&visitor.token, &format!("after={cursor}"));
        response.expect_validation_error("after", REASON);
    }
    for (at, letter) in valid.char_indices() {
        let replacement = if letter == 'A' { "B" } else { "A" };
        let cursor = [&valid[..at], replacement, &valid[at + 1..]].concat();
        let response = server.get_list(&visitor.token, &format!("after={cursor}"));
        response.expect_validation_error("after", REASON);
    }
    server
        .get_list(&visitor.token, &format!("after={valid}"))
        .expect(200);
}

#[test]
fn invalid_cursor_error_body_is_exact() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let response = server.get_list(&visitor.token, "after=x");
    let reason = "must be taken from the Link header of the same list: of the same caller, with \
                  the same filters, orderBy and orderDir; leave it out to begin at the front";
    let body = format!(
        r#"{{"error":{{"message":"after {reason}","code":"VALIDATION_ERROR","details":{{"field":"after","reason":"{reason}"}}}}}}"#
    );
    assert_eq!((response.status, response.text()), (422, body.as_str()));
}

#[test]
fn cursor_of_other_list_returns_422() {
    let server = TestServer::start();
    let [visitor, other] = ["one", "two"].map(|device| server.create_visitor(device));
    for visitor in [&visitor, &other] {
        insert_conversations(&server, visitor, 3);
    }
    let other_project = server.create_project();
    let after = next_cursor(&server.get_list(&visitor.token, "limit=1"));
    for query in [
        "status=open",
        "status=closed",
        "orderBy=createdAt",
        "orderBy=id",
        "orderDir=asc",
    ] {
        let query = format!("{query}&after={after}");
        server
            .get_list(&visitor.token, &query)
            .expect_validation_error("after", REASON);
    }
    let after = format!("after={after}");
    for credential in [
        &other.token,
        &server.project.private_key,
        &other_project.private_key,
    ] {
        server
            .get_list(credential, &after)
            .expect_validation_error("after", REASON);
    }
    let project_cursor = next_cursor(&server.get_list(&server.project.private_key, "limit=1"));
    let project_cursor = format!("after={project_cursor}");
    for credential in [&visitor.token, &other_project.private_key] {
        server
            .get_list(credential, &project_cursor)
            .expect_validation_error("after", REASON);
    }
    let again = server.create_visitor("one");
    server.get_list(&again.token, &after).expect(200);
    let equivalent = format!("{after}&orderBy=lastInteractionAt&orderDir=desc&limit=100");
    server.get_list(&visitor.token, &equivalent).expect(200);
    let other_server = TestServer::start();
    let stranger = other_server.create_visitor("one");
    other_server
        .get_list(&stranger.token, &after)
        .expect_validation_error("after", REASON);
}

#[test]
fn credential_is_checked_before_cursor() {
    let server = TestServer::start();
    server
        .get_list("x.y.z", "after=x")
        .expect_error(401, "UNAUTHORIZED");
}

#[test]
fn cursor_is_valid_after_server_restart() {
    let (mut server, callers) = server_with_random_lists(&mut Rng::with_seed(7), 12);
    let caller = &callers[3];
    for sort in SORTS {
        let order = ListOrder {
            sort,
            direction: "desc",
            status: None,
        };
        let all = order.expected_ids(&caller.rows);
        let query = format!("orderBy={sort}&limit=5");
        let first = server.get_list(&caller.credential, &query);
        let next = first.link("next").expect("a next page");
        server.restart();
        let second = server.get(next).bearer(&caller.credential).send();
        assert_eq!(ids(&second.expect(200)), all[5..10], "{sort}");
    }
}

#[test]
fn head_with_cursor_returns_headers_of_get() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 9);
    let next = server
        .get_list(&visitor.token, "limit=2")
        .link("next")
        .expect("a next page");
    let get = server.get(&next).bearer(&visitor.token).send();
    let head = server.request("HEAD", &next).bearer(&visitor.token).send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "etag", "link", "x-total-count"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let etag = get.header("etag").expect("an ETag").to_owned();
    let again = server.get(&next).bearer(&visitor.token);
    assert_eq!(again.header("If-None-Match", etag).send().status, 304);
}

#[test]
fn next_link_with_longest_title_is_under_2000_bytes() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    // Characters of four bytes, and characters that case folding makes longer.
    let titles = ["🦆", "𐐨", "ΰ", "ﬃ", "ᾷ"].map(|character| character.repeat(80));
    let rows = titles.map(|title| ConversationRow {
        title: Some(title),
        ..ConversationRow::default()
    });
    insert_rows(&server, &visitor, &rows);
    for direction in DIRECTIONS {
        let query = format!("orderBy=title&orderDir={direction}&limit=1");
        let mut response = server.get_list(&visitor.token, &query);
        while let Some(next) = response.link("next") {
            assert!(next.len() < 2000, "{} bytes", next.len());
            response = server.get(next).bearer(&visitor.token).send();
        }
        let pages = follow_next(&server, &visitor.token, &query);
        let distinct: HashSet<_> = all_ids(&pages).into_iter().collect();
        assert_eq!((pages.len(), distinct.len()), (5, 5));
    }
}

#[test]
fn cursor_is_valid_after_its_row_changes_or_is_deleted() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let mut stored = insert_conversations(&server, &visitor, 6);
    stored.reverse();
    let after = next_cursor(&server.get_list(&visitor.token, "limit=3"));
    let rest = || {
        let query = format!("after={after}");
        ids(&server.get_list(&visitor.token, &query).expect(200))
    };
    assert_eq!(rest(), stored[3..]);
    // The row of the cursor moves to the front of the list, then it is deleted.
    server.post_message(&visitor, &stored[2], "Hello").send();
    assert_eq!(ids(&server.list(&visitor.token, ""))[0], stored[2]);
    assert_eq!(rest(), stored[3..]);
    let id = uuid::Uuid::parse_str(&stored[2]).expect("a UUID");
    let connection = server.db_connection();
    let deleted = connection.execute("DELETE FROM conversation WHERE id = ?", [id]);
    assert_eq!(deleted, Ok(1));
    assert_eq!(rest(), stored[3..]);
}
