//! Answers whose streaming was interrupted by a restart, a crash or another
//! writer.

use crate::helpers::{FakeModel, TestServer, event_types, setup_model_conversation};

#[test]
fn partial_answer_survives_restart() {
    let model = FakeModel::new();
    let mut server =
        TestServer::start_with_model(model.clone(), |settings| settings.shutdown_timeout = 0);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    script.send_text("So far");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    stream.read_first_delta();
    server.restart();
    assert_eq!(
        server.transcript(&ann, &id)[1],
        ["assistant", "complete", "So far"]
    );
}

#[test]
fn answer_interrupted_by_crash_is_failed_and_can_be_repeated() {
    let (model, mut server, ann, id) = setup_model_conversation();
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    server.stop();
    let interrupt =
        "UPDATE message SET status = 'streaming', text = 'Hel' WHERE role = 'assistant'";
    assert_eq!(
        server
            .db_connection()
            .execute(interrupt, ())
            .expect("an update"),
        1
    );
    let key = "INSERT INTO idempotency_key VALUES ('visitor 1', 'k', zeroblob(32), 9e15, 200, NULL,
                                           (SELECT id FROM message WHERE role = 'assistant'))";
    assert_eq!(
        server.db_connection().execute(key, ()).expect("a request"),
        1
    );
    server.restart();
    assert_eq!(
        server.transcript(&ann, &id)[1],
        ["assistant", "error", "Hel"]
    );
    let stored_keys =
        server
            .db_connection()
            .query_row("SELECT count(*) FROM idempotency_key", (), |row| row.get(0));
    assert_eq!(
        stored_keys,
        Ok(0),
        "the stored key of the interrupted answer is removed"
    );
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ];
    assert_eq!(server.transcript(&ann, &id), expected);
}

#[test]
fn restart_keeps_answer_of_other_process_until_its_lease_expires() {
    let (model, mut server, ann, id) = setup_model_conversation();
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    server.stop();
    let execute = |server: &TestServer, sql: &str| {
        let changed = server.db_connection().execute(sql, ());
        assert!(changed.expect("an update") > 0, "{sql}");
    };
    let other_process = std::os::unix::process::parent_id();
    let lease = format!("INSERT INTO process VALUES (zeroblob(16), {other_process}, NULL, 9e15)");
    execute(&server, &lease);
    let stream = "UPDATE message SET status = 'streaming', owner = zeroblob(16) \
                   WHERE role = 'assistant'";
    execute(&server, stream);
    server.restart();
    assert_eq!(server.transcript(&ann, &id)[1][1], "streaming");
    server.stop();
    execute(&server, "UPDATE process SET lease_expires_at = 1");
    server.restart();
    assert_eq!(server.transcript(&ann, &id)[1][1], "error");
}

#[test]
fn answer_that_something_else_ended_is_not_reported_as_complete() {
    let (model, server, ann, id) = setup_model_conversation();
    let script = model.script_answer();
    script.send_text("Hel");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    stream.read_first_delta();
    let end = "UPDATE message SET status = 'error', error = 'x' WHERE status = 'streaming'";
    let changed = server.db_connection().execute(end, ());
    assert_eq!(changed.expect("an update"), 1);
    script.send_text("lo.");
    script.finish();
    let events = stream.events();
    let types = event_types(&events);
    assert_eq!(types.last(), Some(&"abort"), "{types:?}");
    assert_eq!(server.transcript(&ann, &id)[1][1], "error");
}
