//! GET /v2/conversations?after=: what a cursor is good for, and what is none.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::Value;

use crate::headers::links;
use crate::helpers::{Parlor, Stored, fill, ids};
use crate::list_order::{DIRECTIONS, SORTS, expected, populated};
use crate::wire::Answer;

const AFTER: &str = "Link header of the same list";

fn asked(parlor: &Parlor, credential: &str, query: &str) -> Answer {
    let target = format!("/v2/conversations?{query}");
    parlor.get(target).bearer(credential).send()
}

fn link(answer: &Answer, relation: &str) -> Option<String> {
    let found = links(answer).into_iter().find(|(name, _)| name == relation);
    found.map(|(_, target)| target)
}

/// The cursor of a page that has a next one.
#[track_caller]
fn cursor(answer: &Answer) -> String {
    let next = link(answer, "next").expect("a next page");
    let (_, after) = next.split_once("after=").expect("a cursor");
    let (cursor, _) = after.split_once('&').expect("the rest");
    cursor.to_owned()
}

/// The pages from `query` on, by following `next` to the end.
pub fn walk(parlor: &Parlor, credential: &str, query: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut answer = asked(parlor, credential, query);
    loop {
        pages.push(answer.expect(200));
        let Some(next) = link(&answer, "next") else {
            return pages;
        };
        answer = parlor.get(next).bearer(credential).send();
    }
}

pub fn all_ids(pages: &[Value]) -> Vec<String> {
    pages.iter().flat_map(ids).collect()
}

#[test]
fn a_page_after_a_cursor_counts_its_offset_from_there() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let mut stored = fill(&parlor, &visitor, 30);
    stored.reverse();
    let after = cursor(&asked(&parlor, &visitor.token, "limit=5"));
    for (more, limit, offset) in [
        ("", 10, 0),
        ("&limit=5", 5, 0),
        ("&limit=100", 100, 0),
        ("&limit=5&offset=7", 5, 7),
        ("&limit=5&offset=23", 5, 23),
        ("&limit=5&offset=25", 5, 25),
        ("&offset=1000", 10, 1000),
    ] {
        let answer = asked(&parlor, &visitor.token, &format!("after={after}{more}"));
        let page = answer.expect(200);
        let rest = stored.iter().skip(5).skip(offset);
        assert!(rest.clone().take(limit).eq(&ids(&page)), "{more}");
        assert_eq!(page["total"], 30, "{more}");
        assert_eq!(page["limit"], limit, "{more}");
        assert_eq!(page["offset"], offset, "{more}");
        let relations: Vec<_> = links(&answer).into_iter().map(|(name, _)| name).collect();
        match rest.count() > limit {
            true => assert_eq!(relations, ["first", "next", "last"], "{more}"),
            false => assert_eq!(relations, ["first", "last"], "{more}"),
        }
    }
}

#[test]
fn from_a_cursor_an_offset_leads_a_thousand_rows_on_at_most() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    fill(&parlor, &visitor, 3);
    let after = cursor(&asked(&parlor, &visitor.token, "limit=1"));
    for offset in ["1001", "9007199254740991"] {
        let query = format!("after={after}&offset={offset}");
        asked(&parlor, &visitor.token, &query).invalid("offset", "0 to 1000 together with after");
    }
}

#[test]
fn next_leads_on_from_wherever_a_page_is_counted() {
    let (parlor, views) = populated(&mut Rng::with_seed(3), 14);
    let view = &views[3];
    for sort in SORTS {
        for direction in DIRECTIONS {
            let all = expected(&view.rows, None, sort, direction == "desc");
            for offset in 0..all.len() + 2 {
                let order = format!("orderBy={sort}&orderDir={direction}&limit=3&offset={offset}");
                let page = asked(&parlor, &view.credential, &order);
                let rest = all.get(offset + 3..).filter(|rest| !rest.is_empty());
                let next = link(&page, "next").map(|next| parlor.get(next));
                let next = next.map(|next| next.bearer(&view.credential).send().expect(200));
                let expected = rest.map(|rest| rest[..rest.len().min(3)].to_vec());
                assert_eq!(next.as_ref().map(ids), expected, "{order}");
            }
        }
    }
}

#[test]
fn next_keeps_what_was_asked_for_and_the_ends_are_counted_from_the_front() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    fill(&parlor, &visitor, 9);
    let order = "status=open&orderBy=lastInteractionAt&orderDir=asc";
    let first = asked(&parlor, &visitor.token, &format!("limit=2&{order}"));
    let rest = "&status=open&orderBy=lastInterationAt&orderDir=asc";
    let after = cursor(&first);
    let expected = format!("/v2/conversations?limit=2&after={after}{rest}");
    assert_eq!(link(&first, "next"), Some(expected.clone()));
    let second = parlor.get(expected).bearer(&visitor.token).send();
    let ends = ["first", "last"].map(|relation| link(&second, relation));
    let end = |offset| Some(format!("/v2/conversations?limit=2&offset={offset}{rest}"));
    assert_eq!(ends, [end(0), end(8)]);
}

#[test]
fn an_empty_or_null_cursor_begins_at_the_front() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    fill(&parlor, &visitor, 3);
    let front = asked(&parlor, &visitor.token, "limit=2");
    for query in ["after=", "after", "after=null"] {
        let answer = asked(&parlor, &visitor.token, &format!("limit=2&{query}"));
        assert_eq!(answer.expect(200), front.json(), "{query}");
        assert_eq!(links(&answer), links(&front), "{query}");
    }
}

#[test]
fn what_is_no_cursor_of_this_list_is_422_and_the_reason_says_where_to_get_one() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    fill(&parlor, &visitor, 3);
    let good = cursor(&asked(&parlor, &visitor.token, "limit=1"));
    let forged = [
        "x",
        "0",
        "NULL",
        "%00",
        "%FF",
        "AQ",
        &"A".repeat(56),
        &"A".repeat(4000),
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}A"),
        &format!("{good}="),
        &format!("%20{good}"),
        &good.to_ascii_lowercase(),
    ]
    .map(str::to_owned);
    for cursor in forged {
        let answer = asked(&parlor, &visitor.token, &format!("after={cursor}"));
        answer.invalid("after", AFTER);
    }
    for (at, letter) in good.char_indices() {
        let other = if letter == 'A' { "B" } else { "A" };
        let cursor = [&good[..at], other, &good[at + 1..]].concat();
        let answer = asked(&parlor, &visitor.token, &format!("after={cursor}"));
        answer.invalid("after", AFTER);
    }
    asked(&parlor, &visitor.token, &format!("after={good}")).expect(200);
}

#[test]
fn the_error_is_the_documented_one_to_the_letter() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let answer = asked(&parlor, &visitor.token, "after=x");
    let reason = "must be taken from the Link header of the same list: of the same caller, with \
                  the same status, orderBy and orderDir; leave it out to begin at the front";
    let body = format!(
        r#"{{"error":{{"message":"after {reason}","code":"VALIDATION_ERROR","details":{{"field":"after","reason":"{reason}"}}}}}}"#
    );
    assert_eq!((answer.status, answer.text()), (422, body.as_str()));
}

#[test]
fn a_cursor_of_another_list_is_422() {
    let parlor = Parlor::start();
    let [visitor, other] = ["one", "two"].map(|device| parlor.visitor(device));
    for who in [&visitor, &other] {
        fill(&parlor, who, 3);
    }
    let site = parlor.another_site();
    let after = cursor(&asked(&parlor, &visitor.token, "limit=1"));
    for query in [
        "status=open",
        "status=closed",
        "orderBy=createdAt",
        "orderBy=id",
        "orderDir=asc",
    ] {
        let query = format!("{query}&after={after}");
        asked(&parlor, &visitor.token, &query).invalid("after", AFTER);
    }
    let after = format!("after={after}");
    for credential in [&other.token, &parlor.site.private, &site.private] {
        asked(&parlor, credential, &after).invalid("after", AFTER);
    }
    let projects = cursor(&asked(&parlor, &parlor.site.private, "limit=1"));
    let projects = format!("after={projects}");
    for credential in [&visitor.token, &site.private] {
        asked(&parlor, credential, &projects).invalid("after", AFTER);
    }
    let again = parlor.visitor("one");
    asked(&parlor, &again.token, &after).expect(200);
    let spelled = format!("{after}&orderBy=lastInteractionAt&orderDir=desc&limit=100");
    asked(&parlor, &visitor.token, &spelled).expect(200);
    let elsewhere = Parlor::start();
    let stranger = elsewhere.visitor("one");
    asked(&elsewhere, &stranger.token, &after).invalid("after", AFTER);
}

#[test]
fn who_calls_is_judged_before_the_cursor() {
    let parlor = Parlor::start();
    asked(&parlor, "x.y.z", "after=x").error(401, "UNAUTHORIZED");
}

#[test]
fn a_cursor_outlives_the_server() {
    let (mut parlor, views) = populated(&mut Rng::with_seed(7), 12);
    let view = &views[3];
    for sort in SORTS {
        let all = expected(&view.rows, None, sort, true);
        let order = format!("orderBy={sort}&limit=5");
        let first = asked(&parlor, &view.credential, &order);
        let next = link(&first, "next").expect("a next page");
        parlor.restart();
        let second = parlor.get(next).bearer(&view.credential).send();
        assert_eq!(ids(&second.expect(200)), all[5..10], "{sort}");
    }
}

#[test]
fn head_has_the_links_of_a_page_after_a_cursor() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    fill(&parlor, &visitor, 9);
    let next = link(&asked(&parlor, &visitor.token, "limit=2"), "next").expect("a next page");
    let get = parlor.get(&next).bearer(&visitor.token).send();
    let head = parlor.request("HEAD", &next).bearer(&visitor.token).send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "etag", "link", "x-total-count"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let etag = get.header("etag").expect("an ETag").to_owned();
    let again = parlor.get(&next).bearer(&visitor.token);
    assert_eq!(again.header("If-None-Match", etag).send().status, 304);
}

#[test]
fn the_longest_title_makes_an_address_of_less_than_2000_bytes() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let connection = parlor.sql();
    let seq = visitor.seq(&connection);
    // Four bytes each; and what grows most when it is folded.
    for wide in ["🦆", "𐐨", "ΰ", "ﬃ", "ᾷ"] {
        let row = Stored {
            title: Some(wide.repeat(80)),
            ..Stored::default()
        };
        row.insert(&connection, seq);
    }
    for direction in DIRECTIONS {
        let order = format!("orderBy=title&orderDir={direction}&limit=1");
        let mut answer = asked(&parlor, &visitor.token, &order);
        while let Some(next) = link(&answer, "next") {
            assert!(next.len() < 2000, "{} bytes", next.len());
            answer = parlor.get(next).bearer(&visitor.token).send();
        }
        let pages = walk(&parlor, &visitor.token, &order);
        let different: HashSet<_> = all_ids(&pages).into_iter().collect();
        assert_eq!((pages.len(), different.len()), (5, 5));
    }
}

#[test]
fn a_reader_is_not_moved_by_its_row() {
    let parlor = Parlor::start();
    let visitor = parlor.visitor("device");
    let mut stored = fill(&parlor, &visitor, 6);
    stored.reverse();
    let after = cursor(&asked(&parlor, &visitor.token, "limit=3"));
    let rest = || {
        let query = format!("after={after}");
        ids(&asked(&parlor, &visitor.token, &query).expect(200))
    };
    assert_eq!(rest(), stored[3..]);
    // The row itself comes first now, and then is gone.
    parlor.say(&visitor, &stored[2], "Hello").send();
    assert_eq!(ids(&parlor.list(&visitor.token, ""))[0], stored[2]);
    assert_eq!(rest(), stored[3..]);
    let id = uuid::Uuid::parse_str(&stored[2]).expect("a UUID");
    let connection = parlor.sql();
    let removed = connection.execute("DELETE FROM conversation WHERE id = ?", [id]);
    assert_eq!(removed, Ok(1));
    assert_eq!(rest(), stored[3..]);
}
