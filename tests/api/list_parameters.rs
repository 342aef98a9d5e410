//! GET /v2/conversations: each parameter, its default and its bounds.

use crate::helpers::{SORTS, TestServer, Visitor, ids, insert_conversations};

fn setup(count: i64) -> (TestServer, Visitor, Vec<String>) {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let ids = insert_conversations(&server, &visitor, count);
    (server, visitor, ids)
}

#[test]
fn default_list_is_ten_most_recently_active() {
    let (server, visitor, stored) = setup(12);
    let page = server.list(&visitor.token, "");
    assert_eq!(page["total"], 12);
    assert_eq!(page["limit"], 10);
    assert_eq!(page["offset"], 0);
    let newest: Vec<_> = stored.iter().rev().take(10).cloned().collect();
    assert_eq!(ids(&page), newest);
    let explicit = "limit=10&offset=0&orderBy=lastInterationAt&orderDir=desc";
    assert_eq!(page, server.list(&visitor.token, explicit));
}

#[test]
fn limit_from_1_to_100_is_applied() {
    let (server, visitor, _) = setup(101);
    for limit in [1, 2, 99, 100] {
        let page = server.list(&visitor.token, &format!("limit={limit}"));
        assert_eq!(page["limit"], limit);
        assert_eq!(ids(&page).len(), limit);
        assert_eq!(page["total"], 101);
    }
}

#[test]
fn invalid_limit_returns_422() {
    let (server, visitor, _) = setup(0);
    let invalid = [
        "0",
        "101",
        "-1",
        "+1",
        "1.0",
        "1e1",
        "abc",
        "",
        "null",
        "%20",
        "10%20",
        "0x10",
        "%D9%A3",
        "18446744073709551616",
        "10;drop",
        "%00",
    ];
    for limit in invalid {
        let response = server.get_list(&visitor.token, &format!("limit={limit}"));
        response.expect_validation_error("limit", "from 1 to 100");
    }
}

#[test]
fn offset_is_applied() {
    let (server, visitor, stored) = setup(5);
    for offset in 0..5 {
        let page = server.list(&visitor.token, &format!("offset={offset}&limit=1"));
        assert_eq!(page["offset"], offset);
        assert_eq!(ids(&page), [stored[4 - offset].clone()]);
    }
}

#[test]
fn missing_empty_or_null_offset_is_0() {
    let (server, visitor, _) = setup(3);
    let first = server.list(&visitor.token, "offset=0");
    assert_eq!(first["offset"].as_u64(), Some(0));
    for query in ["", "offset=", "offset=null", "offset", "offset=00"] {
        assert_eq!(server.list(&visitor.token, query), first, "{query:?}");
    }
}

#[test]
fn list_page_past_end_is_empty() {
    let (server, visitor, _) = setup(3);
    for offset in [3, 4, 1000, 9_007_199_254_740_991_u64] {
        let page = server.list(&visitor.token, &format!("offset={offset}"));
        assert_eq!(ids(&page), Vec::<String>::new());
        assert_eq!(page["total"], 3);
        assert_eq!(page["offset"], offset);
    }
}

#[test]
fn invalid_offset_returns_422() {
    let (server, visitor, _) = setup(0);
    let invalid = [
        "-1",
        "+1",
        "1.5",
        "NULL",
        "none",
        "abc",
        "%20",
        "1e3",
        "9007199254740992",
        "99999999999999999999999999",
    ];
    for offset in invalid {
        let response = server.get_list(&visitor.token, &format!("offset={offset}"));
        response.expect_validation_error("offset", "from 0 to 9007199254740991");
    }
}

#[test]
fn status_accepts_open_and_closed() {
    let (server, visitor, stored) = setup(3);
    let close = format!("/v2/conversations/{}/close", stored[1]);
    server.post(close).bearer(&visitor.token).send().expect(200);
    assert_eq!(server.list(&visitor.token, "")["total"], 3);
    let open = server.list(&visitor.token, "status=open");
    assert_eq!(open["total"], 2);
    assert_eq!(ids(&open), [stored[2].clone(), stored[0].clone()]);
    let closed = server.list(&visitor.token, "status=closed");
    assert_eq!(closed["total"], 1);
    assert_eq!(ids(&closed), [stored[1].clone()]);
    for status in [
        "",
        "OPEN",
        "Open",
        "all",
        "null",
        "open,closed",
        "%00",
        "open%20",
    ] {
        let response = server.get_list(&visitor.token, &format!("status={status}"));
        response.expect_validation_error("status", "open, closed");
    }
}

#[test]
fn order_by_accepts_every_documented_name() {
    let (server, visitor, _) = setup(3);
    let names = SORTS.into_iter().chain(["lastInteractionAt"]);
    for name in names {
        let page = server.list(&visitor.token, &format!("orderBy={name}"));
        assert_eq!(ids(&page).len(), 3, "{name}");
    }
    for value in [
        "",
        "ID",
        "createdat",
        "created_at",
        "seq",
        "id,title",
        "null",
        "1",
        "id;--",
    ] {
        let response = server.get_list(&visitor.token, &format!("orderBy={value}"));
        response.expect_validation_error("orderBy", "id, createdAt, updatedAt, lastInterationAt");
    }
}

#[test]
fn both_spellings_of_last_interaction_are_equivalent() {
    let (server, visitor, stored) = setup(4);
    for direction in ["asc", "desc"] {
        let [documented, corrected] = ["lastInterationAt", "lastInteractionAt"].map(|name| {
            server.list(
                &visitor.token,
                &format!("orderBy={name}&orderDir={direction}"),
            )
        });
        assert_eq!(documented, corrected);
        let mut expected = stored.clone();
        if direction == "desc" {
            expected.reverse();
        }
        assert_eq!(ids(&documented), expected);
    }
}

#[test]
fn order_dir_accepts_asc_and_desc() {
    let (server, visitor, stored) = setup(3);
    let ascending = server.list(&visitor.token, "orderDir=asc");
    assert_eq!(ids(&ascending), stored);
    for value in ["", "ASC", "up", "descending", "null", "1"] {
        let response = server.get_list(&visitor.token, &format!("orderDir={value}"));
        response.expect_validation_error("orderDir", "asc, desc");
    }
}

#[test]
fn duplicate_parameter_returns_422() {
    let (server, visitor, _) = setup(0);
    let parameters = [
        ("limit", "5"),
        ("offset", "0"),
        ("status", "open"),
        ("orderBy", "id"),
        ("orderDir", "asc"),
        ("after", ""),
    ];
    for (name, value) in parameters {
        let query = format!("{name}={value}&{name}={value}");
        server
            .get_list(&visitor.token, &query)
            .expect_validation_error(name, "once");
    }
}

#[test]
fn unknown_parameters_are_ignored() {
    let (server, visitor, _) = setup(2);
    let plain = server.list(&visitor.token, "");
    for query in [
        "foo=bar",
        "foo=1&foo=2",
        "Limit=0",
        "limit%5B%5D=0",
        "&&&",
        "=",
        "%FF=%FF",
        "page=2",
    ] {
        assert_eq!(server.list(&visitor.token, query), plain, "{query:?}");
    }
}

#[test]
fn private_key_requests_check_parameters() {
    let (server, _, _) = setup(2);
    let key = server.project.private_key.clone();
    let as_server = |query: &str| server.get_list(&key, query);
    assert_eq!(as_server("limit=1&orderBy=title").expect(200)["total"], 2);
    as_server("limit=0").expect_validation_error("limit", "from 1 to 100");
    as_server("offset=-1").expect_validation_error("offset", "from 0");
    as_server("status=x").expect_validation_error("status", "open, closed");
    as_server("orderBy=x").expect_validation_error("orderBy", "title");
    as_server("orderDir=x").expect_validation_error("orderDir", "asc, desc");
}
