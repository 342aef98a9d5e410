//! GET /v2/conversations: complete lists read by following the `next` links,
//! without and with concurrent writes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;

use crate::helpers::{
    ConversationRow, ListOrder, TestServer, Visitor, all_ids, follow_next, insert_rows, random_row,
    server_with_random_lists,
};

const TITLES: [&str; 3] = ["Äpfel", "zebra", "日本語"];

#[test]
fn next_links_cover_the_list_in_every_order_and_filter() {
    let mut random = Rng::with_seed(0xC0FFEE);
    let (server, callers) = server_with_random_lists(&mut random, 25);
    for caller in &callers[..4] {
        for order in ListOrder::all() {
            let all = order.expected_ids(&caller.rows);
            let limit = random.usize(1..=9);
            let query = format!("{}&limit={limit}", order.query());
            let pages = follow_next(&server, &caller.credential, &query);
            assert_eq!(all_ids(&pages), all, "{query}");
            let count = all.len().div_ceil(limit).max(1);
            assert_eq!(pages.len(), count, "number of pages: {query}");
            let totals = pages.iter().filter(|page| page["total"] == all.len());
            assert_eq!(totals.count(), count, "{query}");
        }
    }
}

/// Starts, updates, takes over and closes conversations while a reader runs.
fn write_randomly(server: &TestServer, visitor: &Visitor, seed: u64, readers: &AtomicUsize) {
    let mut random = Rng::with_seed(seed);
    let mut open = Vec::new();
    for _ in 0..300 {
        if readers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let action = random.u8(0..8);
        if open.len() < 3 {
            open.push(server.start_conversation(visitor));
        }
        let index = random.usize(..open.len());
        match action {
            0 => drop(server.take_over(&open[index]).send()),
            1 => {
                let id = open.swap_remove(index);
                server.close(&visitor.token, &id).send().expect(200);
            }
            _ => {
                let content = TITLES[usize::from(action) % 3];
                drop(server.post_message(visitor, &open[index], content).send());
            }
        }
    }
}

/// Counts a reader as long as it exists, so that the writers also stop when a
/// reader panics.
struct ReaderGuard<'a>(&'a AtomicUsize);

impl Drop for ReaderGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads the list with a filter in a share of the orders: every `step`th, from `first` on.
/// The rows of `unchanged` must occur once each, in their order.
fn check_unchanged_rows(
    server: &TestServer,
    credential: &str,
    unchanged: &[ConversationRow],
    filter: &str,
    [first, step]: [usize; 2],
) {
    for order in ListOrder::all().skip(first).step_by(step) {
        let query = format!("{}&limit=12{filter}", order.query());
        let mut listed = all_ids(&follow_next(server, credential, &query));
        let expected = order.expected_ids(unchanged);
        let unchanged_ids: HashSet<_> = expected.iter().cloned().collect();
        listed.retain(|id| unchanged_ids.contains(id));
        assert_eq!(listed, expected, "{query}");
    }
}

#[test]
fn next_links_return_unchanged_rows_once_during_concurrent_writes() {
    const WRITERS: usize = 16;
    const READERS: usize = 4;
    let server = &TestServer::start();
    let mut random = Rng::with_seed(99);
    let visitors: Vec<_> = (0..4)
        .map(|number| server.create_visitor(&format!("device {number}")))
        .collect();
    let visitors = &visitors;
    let mut unchanged = Vec::new();
    for visitor in visitors {
        let rows: Vec<_> = (0..25).map(|_| random_row(&mut random)).collect();
        insert_rows(server, visitor, &rows);
        unchanged.push(rows);
    }
    let (unchanged, all) = (&unchanged, &unchanged.concat());
    let readers = &AtomicUsize::new(READERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let visitor = &visitors[writer % visitors.len()];
            scope.spawn(move || write_randomly(server, visitor, writer as u64, readers));
        }
        for reader in 0..READERS {
            scope.spawn(move || {
                let _guard = ReaderGuard(readers);
                let share = [reader, READERS];
                let key = &server.project.private_key;
                check_unchanged_rows(server, key, all, "", share);
                for flag in [true, false] {
                    let filter = format!("&isHumanHandled={flag}");
                    let rows = all.iter().filter(|row| row.is_human_handled == flag);
                    let rows: Vec<_> = rows.cloned().collect();
                    check_unchanged_rows(server, key, &rows, &filter, share);
                }
                let Visitor { token, id } = &visitors[reader];
                let own = &unchanged[reader];
                check_unchanged_rows(server, token, own, "", share);
                check_unchanged_rows(server, key, own, &format!("&visitorId={id}"), share);
            });
        }
    });
    let total = server.list(&server.project.private_key, "limit=1")["total"].clone();
    assert!(total.as_u64() > Some(all.len() as u64 + 30), "{total}");
}
