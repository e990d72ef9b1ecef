//! The contract of the cell (`native.rs`), on values that loom sees, as it does not see tables: an acquiring load, an
//! acquiring and releasing exchange and a relaxed look at how many publications have begun are enough for whoever reads a value to
//! see all of it, and none older than one that it has seen. Twins: `relaxed_load`, `relaxed_exchange`.

#![cfg(loom)]

#[allow(dead_code, unused_imports, reason = "only the cell and its follower are wanted")]
#[path = "../../src/sync/mod.rs"]
mod sync;

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;
use shardway_loom_tests::check;

use sync::{Cell, Follower};

/// A number that loom sees: who reads it without having acquired it fails.
struct Value(UnsafeCell<usize>);

// SAFETY: as said.
unsafe impl Sync for Value {}

impl Value {
    fn new(number: usize) -> Arc<Self> {
        let value = Self(UnsafeCell::new(0));
        // SAFETY: nobody else has it yet.
        value.0.with_mut(|place| unsafe { *place = number });
        Arc::new(value)
    }

    fn read(&self) -> usize {
        // SAFETY: loom fails the model if another thread may be writing.
        self.0.with(|place| unsafe { *place })
    }
}

struct Shared(Cell<Value>);

impl AsRef<Cell<Value>> for Shared {
    fn as_ref(&self) -> &Cell<Value> {
        &self.0
    }
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self(Cell::new(Value::new(0))))
    }

    /// Publishes one more than what is published, as the router does with tables.
    fn increment(&self) {
        loop {
            let current = self.0.load_full();
            if self.0.compare_exchange(&current, Value::new(current.read() + 1)) {
                return;
            }
        }
    }
}

// Bound 2: 39,758 executions, 4 s.
#[test]
fn two_writers_and_a_reader_by_all_ways_in() {
    let outcomes = check("cell: two writers, a reader by all ways in", Some(2), || {
        let shared = Shared::new();
        let writers = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.increment())
        });
        let mut follower = Follower::new(Arc::clone(&shared));
        let mut look = || [follower.value().read(), shared.0.load().read(), shared.0.load_full().read()];
        let seen = [look(), look()].concat();
        assert!(seen.is_sorted(), "{seen:?}");
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(look(), [2; 3]);
        seen
    });
    // Six looks, with a step up to 1 and one to 2 in any of seven places each.
    assert_eq!(outcomes.len(), 28);
}

// Bound 3: 83,240 executions, 9 s.
#[test]
fn a_writer_and_two_followers() {
    let outcomes = check("cell: a publish, a follower and its clone", Some(3), || {
        let shared = Shared::new();
        let follower = Follower::new(Arc::clone(&shared));
        let followers = [follower.clone(), follower].map(|mut follower| {
            thread::spawn(move || {
                let seen = [(); 2].map(|()| follower.value().read());
                assert!(seen.is_sorted(), "{seen:?}");
                seen
            })
        });
        shared.increment();
        followers.map(|follower| follower.join().unwrap())
    });
    // Two looks each, with a step in any of three places.
    assert_eq!(outcomes.len(), 3 * 3);
}

// Bound 3: 23,917 executions, 2 s.
#[test]
fn a_writer_and_a_follower() {
    let outcomes = check("cell: two publishes, a follower", Some(3), || {
        let shared = Shared::new();
        let mut follower = Follower::new(Arc::clone(&shared));
        let thread = thread::spawn(move || {
            let seen = [(); 3].map(|()| follower.value().read());
            assert!(seen.is_sorted(), "{seen:?}");
            seen
        });
        shared.increment();
        shared.increment();
        thread.join().unwrap()
    });
    // Three looks, with two steps in any of four places.
    assert_eq!(outcomes.len(), 10);
}
