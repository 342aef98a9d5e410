//! Walks of whole lists that follow `next`: what is met, while nothing changes
//! and while much does.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;

use crate::helpers::{Parlor, Stored, Visitor};
use crate::list_cursors::{all_ids, walk};
use crate::list_order::{DIRECTIONS, SORTS, STATUSES, expected, populated, query, row};

const TITLES: [&str; 3] = ["Äpfel", "zebra", "日本語"];

#[test]
fn following_next_is_the_naive_sort_in_every_order_with_every_filter() {
    let mut random = Rng::with_seed(0xC0FFEE);
    let (parlor, views) = populated(&mut random, 25);
    for view in &views[..4] {
        for sort in SORTS {
            for direction in DIRECTIONS {
                for status in STATUSES {
                    let all = expected(&view.rows, status, sort, direction == "desc");
                    let limit = random.usize(1..=9);
                    let order = format!("{}&limit={limit}", query(sort, direction, status));
                    let pages = walk(&parlor, &view.credential, &order);
                    assert_eq!(all_ids(&pages), all, "{order}");
                    let count = all.len().div_ceil(limit).max(1);
                    assert_eq!(pages.len(), count, "no page too many: {order}");
                    let totals = pages.iter().filter(|page| page["total"] == all.len());
                    assert_eq!(totals.count(), count, "{order}");
                }
            }
        }
    }
}

/// Starts, touches, hands over and closes, until nobody walks any more.
fn write(parlor: &Parlor, visitor: &Visitor, seed: u64, walkers: &AtomicUsize) {
    let mut random = Rng::with_seed(seed);
    let mut open = Vec::new();
    for _ in 0..300 {
        if walkers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let act = random.u8(0..8);
        if open.len() < 3 {
            open.push(parlor.started(visitor));
        }
        let at = random.usize(..open.len());
        match act {
            0 => drop(parlor.take_over(&open[at]).send()),
            1 => {
                let close = format!("/v2/conversations/{}/close", open.swap_remove(at));
                parlor.post(close).bearer(&visitor.token).send().expect(200);
            }
            _ => drop(
                parlor
                    .say(visitor, &open[at], TITLES[usize::from(act) % 3])
                    .send(),
            ),
        }
    }
}

/// One of those whom the writers write for; also one that fails is gone then.
struct Walking<'a>(&'a AtomicUsize);

impl Drop for Walking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Walks a share of the orders, each with every filter: from the first of them
/// in even steps.
fn check_walks(parlor: &Parlor, credential: &str, still: &[Stored], share: [usize; 2]) {
    let orders = SORTS.into_iter().flat_map(|sort| {
        DIRECTIONS.into_iter().flat_map(move |direction| {
            let statuses = STATUSES.into_iter();
            statuses.map(move |status| (sort, direction, status))
        })
    });
    let [first, step] = share;
    for (sort, direction, status) in orders.skip(first).step_by(step) {
        let order = format!("{}&limit=12", query(sort, direction, status));
        let mut walked = all_ids(&walk(parlor, credential, &order));
        let all = expected(still, status, sort, direction == "desc");
        let stays: HashSet<_> = all.iter().cloned().collect();
        walked.retain(|id| stays.contains(id));
        assert_eq!(walked, all, "{order}");
    }
}

#[test]
fn what_does_not_move_is_met_exactly_once_while_others_write() {
    const WRITERS: usize = 16;
    const WALKERS: usize = 4;
    let parlor = Parlor::start();
    let mut random = Rng::with_seed(99);
    let visitors: Vec<_> = (0..4)
        .map(|n| parlor.visitor(&format!("device {n}")))
        .collect();
    let mut connection = parlor.sql();
    let mut still = Vec::new();
    for visitor in &visitors {
        let seq = visitor.seq(&connection);
        let rows: Vec<_> = (0..25).map(|_| row(&mut random)).collect();
        let transaction = connection.transaction().expect("a transaction");
        rows.iter().for_each(|row| row.insert(&transaction, seq));
        transaction.commit().expect("a commit");
        still.push(rows);
    }
    let all = still.concat();
    let walkers = AtomicUsize::new(WALKERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (parlor, walkers) = (&parlor, &walkers);
            let visitor = &visitors[writer % visitors.len()];
            scope.spawn(move || write(parlor, visitor, writer as u64, walkers));
        }
        for walker in 0..WALKERS {
            let (parlor, walkers, visitors) = (&parlor, &walkers, &visitors);
            let (still, all) = (&still, &all);
            scope.spawn(move || {
                let _walking = Walking(walkers);
                let share = [walker, WALKERS];
                check_walks(parlor, &parlor.site.private, all, share);
                check_walks(parlor, &visitors[walker].token, &still[walker], share);
            });
        }
    });
    let total = parlor.list(&parlor.site.private, "limit=1")["total"].clone();
    assert!(total.as_u64() > Some(all.len() as u64 + 30), "{total}");
}
