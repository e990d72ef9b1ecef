//! What readers see of the real router while a transaction, a split and a transfer, is published: by every way in, the table
//! before or the one after, and never the one before when they have seen the one after or have been told of it. Twins:
//! `stale_follower`, `begun_after_publish`, `settled_too_early`, `relaxed_end_of_publish`, `relaxed_settled`.

#![cfg(loom)]

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};
use shardway::{Change, NodeId, Reader, Refusal, Route, Router, Table};
use shardway_loom_tests::check;

/// A table of two shards, a transaction, and the table that it makes.
struct Step {
    before: Table,
    changes: [Change; 2],
    after: Table,
}

/// A key in each shard, both of which the transaction changes.
const KEYS: [&str; 2] = ["a", "z"];

impl Step {
    fn new() -> Self {
        let whole = Table::whole(NodeId(1));
        let halve = Change::split(whole.resolve("").unwrap().shard, "m");
        let (before, _) = whole.apply(&[halve]).unwrap();
        let [lower, upper] = KEYS.map(|key| before.resolve(key).unwrap().shard);
        let changes = [Change::split(upper, "t"), Change::transfer(lower, NodeId(2))];
        let (after, _) = before.apply(&changes).unwrap();
        Self { before, changes, after }
    }

    fn router(&self) -> Router {
        Router::new(self.before.clone())
    }

    /// Whether the answer is that of the table after the transaction; if not, it must be that of the one before.
    fn is_after(&self, key: &str, answer: Result<Route, Refusal>) -> bool {
        let [before, after] = [&self.before, &self.after].map(|table| table.resolve(key) == answer);
        assert!(before != after, "neither table gives {answer:?}");
        after
    }

    /// Whether the table is the one after the transaction; if not, it must be the one before.
    fn made(&self, table: &Table) -> bool {
        let [before, after] = [&self.before, &self.after].map(|known| table == known);
        assert!(before != after, "neither table, but\n{table}");
        after
    }
}

// Bound 4: 10,484 executions, 1.5 s.
#[test]
fn a_reader_by_all_ways_in() {
    let step = Arc::new(Step::new());
    let outcomes = check("read: a publish, a reader by all ways in", Some(4), move || {
        let router = step.router();
        let mut reader = router.reader();
        let thread = {
            let (step, router) = (Arc::clone(&step), router.clone());
            thread::spawn(move || {
                let seen = [
                    step.is_after(KEYS[0], reader.resolve(KEYS[0])),
                    step.is_after(KEYS[1], router.resolve(KEYS[1])),
                    step.made(reader.table()),
                    step.is_after(KEYS[0], router.resolve(KEYS[0])),
                    step.made(&router.snapshot()),
                    step.is_after(KEYS[1], reader.resolve(KEYS[1])),
                ];
                assert!(seen.is_sorted(), "the old table after the new one: {seen:?}");
                seen
            })
        };
        router.transact(&step.changes).unwrap();
        thread.join().unwrap()
    });
    // Six looks, with one step in any of seven places.
    assert_eq!(outcomes.len(), 7);
}

// Bound 3: 83,240 executions, 10 s.
#[test]
fn two_readers_of_a_publish() {
    let step = Arc::new(Step::new());
    let outcomes = check("read: a publish, two readers", Some(3), move || {
        let router = step.router();
        let reader = router.reader();
        let readers = [reader.clone(), reader].map(read_in_order);
        router.transact(&step.changes).unwrap();
        readers.map(|reader| reader.join().unwrap())
    });
    // Two looks each, with a step in any of three places.
    assert_eq!(outcomes.len(), 3 * 3);
}

// Bound 3: 6,315 executions, 1 s.
#[test]
fn a_reader_of_two_publishes() {
    let step = Arc::new(Step::new());
    let outcomes = check("read: two publishes, a reader", Some(3), move || {
        let router = step.router();
        let reader = read_in_order(router.reader());
        for change in &step.changes {
            router.apply(change.clone()).unwrap();
        }
        reader.join().unwrap()
    });
    // Two looks, with two steps in any of three places.
    assert_eq!(outcomes.len(), 6);
}

/// A thread that looks twice, and what it sees.
fn read_in_order(mut reader: Reader) -> JoinHandle<[u64; 2]> {
    thread::spawn(move || {
        let seen = [(); 2].map(|()| reader.table().revision());
        assert!(seen.is_sorted(), "{seen:?}");
        seen
    })
}

// Bound 4: 21,662 executions, 3 s.
#[test]
fn a_reader_that_is_told() {
    let step = Arc::new(Step::new());
    let outcomes = check("read: a publish, a reader that is told of it", Some(4), move || {
        let router = step.router();
        let published = Arc::new(AtomicBool::new(false));
        let mut reader = router.reader();
        let thread = {
            let (step, router, published) = (Arc::clone(&step), router.clone(), Arc::clone(&published));
            thread::spawn(move || {
                // It may look while the publish is under way, too.
                let looked = step.made(reader.table());
                // Acquire: pairs with the store after the publish.
                let told = published.load(Ordering::Acquire);
                let seen = [
                    step.is_after(KEYS[1], reader.resolve(KEYS[1])),
                    step.is_after(KEYS[0], router.resolve(KEYS[0])),
                    step.made(&router.snapshot()),
                    step.made(router.reader().table()),
                ];
                assert!(
                    !told || seen == [true; 4],
                    "the old table, though the publish has returned: {seen:?}"
                );
                (looked, told, seen)
            })
        };
        router.transact(&step.changes).unwrap();
        // Release: pairs with the load in the reader.
        published.store(true, Ordering::Release);
        thread.join().unwrap()
    });
    // Not told, and five looks with one step in any of six places; or told after a look.
    assert_eq!(outcomes.len(), 6 + 2);
}
