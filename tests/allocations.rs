//! What a reader's thread allocates and frees while writers publish: nothing. A counting allocator sees every call on that
//! thread. If writers did not keep the tables that they replace until nobody reads them, the reader would drop the last
//! reference to some, and be seen to free them.

#![allow(clippy::disallowed_types, reason = "the threads share a stop sign")]

mod counting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counting::CALLS;
use shardway::{Access, Change, NodeId, Router};

/// How many revisions the reader has to see.
const REVISIONS: u64 = if cfg!(miri) { 10 } else { 2_000 };

/// Publishes without pause until all is done.
fn publish(router: &Router, done: &AtomicBool) {
    for node in (2..=3).cycle().map(NodeId) {
        let shard = router.resolve("m").unwrap().shard;
        let halves = router.split(shard, "n").unwrap();
        router.apply(Change::transfer(halves.lower, node)).unwrap();
        router.apply(Change::transfer(halves.upper, node)).unwrap();
        router.merge(halves.lower, halves.upper).unwrap();
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
}

#[test]
fn a_reader_neither_allocates_nor_frees() {
    let router = Router::whole(NodeId(1));
    let done = AtomicBool::new(false);
    let (before, after) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reader = router.reader();
            // The first look of a thread registers it with `arc-swap`, once.
            let mut kept = router.snapshot();
            reader.resolve("warm").unwrap();
            router.resolve("up").unwrap();
            let mut answers = Vec::with_capacity(40);
            let before = CALLS.get();
            let (mut revisions, mut last) = (0, 0);
            while revisions < REVISIONS {
                let revision = reader.table().revision();
                revisions += u64::from(revision != last);
                last = revision;
                assert!(reader.resolve("n").is_ok() && router.resolve("n").is_ok());
                assert!(reader.resolve_for("m", Access::Write).is_ok() && router.revision() >= last);
                reader.resolve_many(&["m"; 40], &mut answers);
                assert!(answers.iter().all(Result::is_ok));
                // A snapshot that is dropped when its table has long been replaced.
                if revisions % 8 == 0 {
                    kept = if kept.len() == 1 { router.snapshot() } else { reader.snapshot() };
                }
            }
            let after = CALLS.get();
            done.store(true, Ordering::Relaxed);
            (before, after)
        });
        publish(&router, &done);
        reader.join().expect("the reader panicked")
    });
    assert_eq!(after, before, "(allocations, frees) on the reader's thread");
}
