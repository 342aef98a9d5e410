//! Statistics of the last days, and questions to which the assistant found no answer.

use parlor::domain::AgentRole;
use serde_json::{Value, json};

use crate::helpers::{ConversationRow, TestServer, ids, insert_rows, setup_conversation, string};

const DAY: i64 = 86_400_000;

fn read(server: &TestServer, path: &str) -> Value {
    let request = server.get(format!("/v2{path}"));
    request
        .bearer(&server.project.private_key)
        .send()
        .expect(200)
}

fn now() -> i64 {
    parlor::domain::Timestamp::now().0
}

#[test]
fn statistics_count_the_conversations_of_each_day() {
    let server = TestServer::start();
    let empty = read(&server, "/statistics?days=2");
    assert_eq!(empty["conversations"], 0);
    assert_eq!(empty["answeredByAssistant"], Value::Null);
    assert_eq!(empty["medianWaitSeconds"], Value::Null);
    assert_eq!(empty["days"].as_array().map(Vec::len), Some(2));
    let ann = server.create_visitor("ann");
    let today = now().div_euclid(DAY) * DAY;
    let rows: Vec<_> = [today, today + 1, today - 1, today - DAY, today - 3 * DAY]
        .into_iter()
        .map(|created_at| ConversationRow {
            created_at,
            ..ConversationRow::default()
        })
        .collect();
    insert_rows(&server, &ann, &rows);
    let statistics = read(&server, "/statistics?days=3");
    let counts: Vec<_> = statistics["days"]
        .as_array()
        .expect("days")
        .iter()
        .map(|day| day["conversations"].as_u64().expect("a count"))
        .collect();
    assert_eq!(counts, [0, 2, 2]);
    assert_eq!(statistics["conversations"], 4);
    assert_eq!(statistics["object"], "statistics");
    let date = string(&statistics["days"][2]["date"]);
    let mut text = [0; 24];
    let expected = parlor::domain::Timestamp(today).format_iso8601(&mut text);
    assert_eq!(date, expected[..10]);
    // A conversation of another project does not count.
    let other = server.create_project();
    let request = server.get("/v2/statistics").bearer(&other.private_key);
    assert_eq!(request.send().expect(200)["conversations"], 0);
    assert_eq!(
        read(&server, "/statistics")["days"]
            .as_array()
            .map(Vec::len),
        Some(30)
    );
}

#[test]
fn statistics_have_share_of_the_assistant_waiting_time_and_feedback() {
    let (server, ann, first) = setup_conversation();
    let conversations = [
        first,
        server.start_conversation(&ann),
        server.start_conversation(&ann),
        server.start_conversation(&ann),
    ];
    for conversation in &conversations {
        server
            .post_message(&ann, conversation, "Hello")
            .send()
            .expect(200);
    }
    // Without a message.
    server.start_conversation(&ann);
    for (conversation, feedback) in [(0, "like"), (1, "dislike"), (2, "like")] {
        let messages =
            server.get_conversation(&ann, &conversations[conversation])["messages"].clone();
        let rate = format!("/v2/messages/{}/feedback", string(&messages[1]["id"]));
        let request = server.post(rate).bearer(&ann.token);
        request
            .json(json!({"feedback": feedback}))
            .send()
            .expect(200);
    }
    assert_eq!(server.take_over(&conversations[0]).send().status, 200);
    let set = "UPDATE conversation SET waited_ms = 4500 WHERE seq = 2;
               UPDATE conversation SET waited_ms = 9000 WHERE seq = 1;
               UPDATE conversation SET waiting_since = 1, waiting_reason = 'requested' WHERE seq = 3;";
    server
        .db_connection()
        .execute_batch(set)
        .expect("an update");
    let statistics = read(&server, "/statistics?days=1");
    assert_eq!(statistics["answeredByAssistant"], 0.25);
    assert_eq!(statistics["medianWaitSeconds"], 5);
    assert_eq!(statistics["waiting"], 1);
    assert_eq!(statistics["feedback"], json!({"likes": 2, "dislikes": 1}));
    assert_eq!(statistics["conversations"], 5);
}

#[test]
fn statistics_are_kept_for_a_minute_except_the_waiting_conversations() {
    let (server, ann, _) = setup_conversation();
    let path = "/statistics?days=1";
    assert_eq!(read(&server, path)["conversations"], 1);
    server.start_conversation(&ann);
    let set = "UPDATE conversation SET waiting_since = 1, waiting_reason = 'requested'";
    server.db_connection().execute(set, ()).expect("an update");
    let again = read(&server, path);
    assert_eq!(
        (&again["conversations"], &again["waiting"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(read(&server, "/statistics?days=2")["conversations"], 2);
}

#[test]
fn days_have_a_range_and_visitors_get_no_statistics() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    for days in ["0", "91", "x", "-1", "1.5", ""] {
        let request = server.get(format!("/v2/statistics?days={days}"));
        let response = request.bearer(&server.project.private_key).send();
        response.expect_validation_error("days", "must be a whole number from 1 to 90");
    }
    let request = server.get("/v2/statistics?days=90");
    assert_eq!(
        request.bearer(&server.project.private_key).send().status,
        200
    );
    let agent = server.create_agent("Mara", AgentRole::Agent);
    for path in ["/v2/statistics", "/v2/unanswered-questions"] {
        assert_eq!(server.get(path).agent(&agent).send().status, 200);
        let response = server.get(path).bearer(&ann.token).send();
        response.expect_error(403, "FORBIDDEN");
    }
}

#[test]
fn unanswered_questions_are_listed_newest_first_in_pages_until_they_are_resolved() {
    let (server, ann, conversation) = setup_conversation();
    for question in ["First?", "Second?", "Third?"] {
        server
            .post_message(&ann, &conversation, question)
            .send()
            .expect(200);
    }
    server.add_refusals(&conversation);
    let key = &server.project.private_key;
    let page = |query: &str| {
        let request = server.get(format!("/v2/unanswered-questions{query}"));
        request.bearer(key).send()
    };
    let first = page("?limit=2");
    let list = first.expect(200);
    let questions = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().expect("data");
        data.iter().map(|item| string(&item["question"])).collect()
    };
    assert_eq!(questions(&list), ["Third?", "Second?"]);
    assert_eq!(list["total"], 3);
    assert_eq!(first.header("x-total-count"), Some("3"));
    assert!(first.link("next").expect("a link").contains("offset=2"));
    assert_eq!(
        questions(&page("?limit=2&offset=2").expect(200)),
        ["First?"]
    );
    assert_eq!(questions(&page("?offset=9").expect(200)), [""; 0]);
    let item = &list["data"][0];
    assert_eq!(item["object"], "unanswered_question");
    assert_eq!(item["conversationId"], conversation.as_str());
    let messages = server.get_conversation(&ann, &conversation)["messages"].clone();
    assert_eq!(item["id"], messages[5]["id"]);
    // Another project neither sees nor resolves it.
    let other = server.create_project();
    let path = format!("/v2/unanswered-questions/{}", string(&item["id"]));
    let delete = |key: &str| server.request("DELETE", path.clone()).bearer(key).send();
    delete(&other.private_key).expect_error(404, "MESSAGE_NOT_FOUND");
    assert_eq!(delete(key).status, 204);
    delete(key).expect_error(404, "MESSAGE_NOT_FOUND");
    let rest = page("").expect(200);
    assert_eq!((ids(&rest).len(), &rest["total"]), (2, &json!(2)));
    // A deleted conversation takes its questions with it.
    let delete = server.request("DELETE", format!("/v2/conversations/{conversation}"));
    assert_eq!(delete.bearer(key).send().status, 204);
    assert_eq!(page("").expect(200)["total"], 0);
}
