//! No word of a deleted text remains in the search index, whatever deletes the text.

use std::time::Duration;

use crate::erasure::{count, erase, expect_no_content};
use crate::erasure_files::{MARKER, marker_counts};
use crate::helpers::{
    ProjectFixture, TestServer, Visitor, open_connection, run_successfully, wait_until,
};
use crate::sqlite_only;

/// A server with a search index of the conversations of two visitors. Those of the first
/// visitor have the marker.
struct SearchFixture {
    server: TestServer,
    ann: Visitor,
    conversation: String,
    ben: Visitor,
    other: String,
}

fn setup() -> SearchFixture {
    let server = start();
    let project = server.project.clone();
    setup_in(server, &project)
}

fn start() -> TestServer {
    TestServer::start_with(|settings| {
        settings.search_messages = true;
        settings.housekeeping.interval = Duration::from_millis(100);
        settings.housekeeping.steady_clock = Duration::ZERO;
    })
}

/// [`setup`] with the first visitor in another project.
fn setup_in(server: TestServer, project: &ProjectFixture) -> SearchFixture {
    let ben = server.create_visitor("ben");
    let other = server.start_conversation(&ben);
    let ann = server.create_visitor_in(project, "ann");
    let conversation = server.start_conversation(&ann);
    let fixture = SearchFixture {
        server,
        ann,
        conversation,
        ben,
        other,
    };
    for round in 0..3 {
        fixture.send(&fixture.ben, &fixture.other, "A parcel");
        let text = format!("Where is {MARKER}{round}?");
        fixture.send(&fixture.ann, &fixture.conversation, &text);
        fixture.send(&fixture.ben, &fixture.other, "A letter");
    }
    assert!(fixture.marker_count() > 0);
    fixture
}

impl SearchFixture {
    /// Sends a message, and waits until it is in the index.
    fn send(&self, visitor: &Visitor, conversation: &str, text: &str) {
        let post = self.server.post_message(visitor, conversation, text);
        post.send().expect(200);
        self.wait_until_indexed();
    }

    fn wait_until_indexed(&self) {
        let is_indexed = "SELECT (SELECT max(seq) FROM message) = message_seq \
                             AND NOT EXISTS (SELECT 1 FROM search_backlog) FROM search_progress";
        wait_until("the messages are indexed", || {
            self.server.query_value(is_indexed)
        });
    }

    /// The copies of the marker in the database file and its log.
    fn marker_count(&self) -> usize {
        let counts = marker_counts(&self.server.db_path());
        counts.iter().map(|(_, count)| count).sum()
    }

    #[track_caller]
    fn expect_no_marker(&self) {
        assert_eq!(self.marker_count(), 0);
        assert_eq!(count(&self.server, "deleted_conversation", "true"), 0);
        let q = self
            .server
            .list(&self.server.project.private_key, "q=parcel");
        assert_eq!(q["total"], 1);
        let check = "INSERT INTO search_text (search_text) VALUES ('integrity-check')";
        let checked = self.server.db_connection().execute(check, ());
        checked.expect("a sound search index");
    }

    fn run(&self, arguments: &[&str]) {
        let path = self.server.db_path();
        run_successfully(path.parent().expect("a folder"), arguments);
    }
}

#[test]
fn a_deleted_conversation_leaves_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup();
    let path = format!("/v2/conversations/{}", fixture.conversation);
    let delete = fixture.server.request("DELETE", path);
    expect_no_content(delete.bearer(&fixture.server.project.private_key));
    fixture.expect_no_marker();
}

#[test]
fn an_erased_visitor_leaves_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup();
    expect_no_content(erase(&fixture.server, &fixture.ann));
    fixture.expect_no_marker();
}

#[test]
fn many_deletions_at_the_same_time_leave_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup();
    let SearchFixture { server, ann, .. } = &fixture;
    let mut ids = vec![fixture.conversation.clone()];
    for number in 0..5 {
        let id = server.start_conversation(ann);
        fixture.send(ann, &id, &format!("And {MARKER}x{number}?"));
        ids.push(id);
    }
    std::thread::scope(|scope| {
        for id in &ids {
            let delete = server.request("DELETE", format!("/v2/conversations/{id}"));
            let delete = delete.bearer(&server.project.private_key);
            scope.spawn(|| expect_no_content(delete));
        }
    });
    wait_until("the words are removed", || fixture.marker_count() == 0);
    wait_until("the merge is complete", || {
        count(server, "deleted_conversation", "true") == 0
    });
    fixture.expect_no_marker();
}

/// Closes the marked conversation 100 days ago.
fn close_long_ago(fixture: &SearchFixture) {
    let SearchFixture {
        server,
        ann,
        conversation,
        ..
    } = fixture;
    server.close(&ann.token, conversation).send().expect(200);
    let sql = "UPDATE conversation SET closed_at = closed_at - 100 * 86400000 \
                WHERE closed_at IS NOT NULL";
    assert_eq!(server.db_connection().execute(sql, ()), Ok(1));
}

#[test]
fn a_pruned_conversation_leaves_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let fixture = setup();
    close_long_ago(&fixture);
    fixture.run(&["prune", "--closed-before", "30"]);
    fixture.expect_no_marker();
}

#[test]
fn a_conversation_that_retention_deletes_leaves_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let mut fixture = setup();
    close_long_ago(&fixture);
    fixture.server.settings.retain_closed = Some(30);
    fixture.server.restart();
    wait_until("the words are removed", || fixture.marker_count() == 0);
    wait_until("the merge is complete", || {
        count(&fixture.server, "deleted_conversation", "true") == 0
    });
    fixture.expect_no_marker();
}

#[test]
fn a_removed_project_leaves_no_word() {
    sqlite_only!("the test reads the bytes of the file");
    let server = start();
    let project = server.create_project();
    let fixture = setup_in(server, &project);
    fixture.run(&["projects", "remove", &project.id.to_string(), "--yes"]);
    fixture.expect_no_marker();
}

#[test]
fn an_interrupted_merge_is_repeated_at_the_next_start() {
    sqlite_only!("the test reads the bytes of the file");
    for pending in [0, -77] {
        let mut fixture = setup();
        fixture.server.stop();
        let connection = open_connection(&fixture.server.db_path());
        // The state after a deletion, and after a part of the merge.
        let deleted = connection.execute_batch(&format!(
            "PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; BEGIN;
             DELETE FROM conversation WHERE seq = 2;
             INSERT INTO deleted_conversation (seq) VALUES ({pending});
             COMMIT;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ));
        deleted.expect("a deletion");
        drop(connection);
        assert!(fixture.marker_count() > 0);
        fixture.server.restart();
        wait_until("the words are removed", || fixture.marker_count() == 0);
        wait_until("the merge is complete", || {
            count(&fixture.server, "deleted_conversation", "true") == 0
        });
        fixture.expect_no_marker();
    }
}
