//! The tables that were replaced: none is freed while someone holds it, none is lost or counted twice, and no reader frees
//! one. Twins: `free_held`, `retire_skipped`,
//! `retired_twice`.
//!
//! A hold is a count of `std`, which loom does not see, so each visitor asks for [`Router::retained`] where it lets go: the
//! lock in there is what loom orders against the writers' looks at the counts.

#![cfg(loom)]

use loom::thread;
use shardway::{NodeId, Retained, Router, ShardId, Snapshot};
use shardway_loom_tests::check;

const SHARD: ShardId = ShardId(1);

/// Holds the books of a router at rest, on which so many tables were replaced, against what is held. Gives the revisions of
/// replaced tables that are held, and how many others waited to be freed.
fn settle(router: &Router, held: Vec<Snapshot>, replaced: usize) -> (Vec<u64>, usize) {
    let mut old: Vec<_> = held.iter().map(|snapshot| snapshot.revision()).collect();
    old.retain(|revision| *revision < router.revision());
    old.sort_unstable();
    let holders = old.len();
    old.dedup();

    let waiting = router.retained();
    assert_eq!((waiting.held, waiting.holders), (old.len(), holders), "held, and by how many: {waiting:?}");
    assert!(waiting.tables <= replaced, "more than were ever replaced: {waiting:?}");
    let free = router.reclaim();
    assert_eq!(free, waiting.tables - waiting.held);
    assert_eq!(router.retained().oldest_revision, old.first().copied());

    drop(held);
    let waiting = router.retained();
    assert_eq!((waiting.tables, waiting.holders), (old.len(), 0), "readers free nothing: {waiting:?}");
    assert_eq!(router.reclaim(), old.len());
    assert_eq!(router.retained(), Retained::default());
    (old, free)
}

// Bound 4: 15,308 executions, 2 s.
#[test]
fn writers_that_hold() {
    let outcomes = check("retire: two writers that hold a table", Some(4), || {
        let router = Router::whole(NodeId(1));
        let first = router.snapshot();
        let writers = [2, 3].map(|node| {
            let router = router.clone();
            thread::spawn(move || {
                router.transfer(SHARD, NodeId(node)).unwrap();
                router.snapshot()
            })
        });
        let held = writers.map(|writer| writer.join().unwrap());
        settle(&router, [first].into_iter().chain(held).collect(), 2)
    });
    // In the second, one writer left its table on the stack while the other, who had just emptied that, was at the queue.
    assert_eq!(outcomes, [(vec![1], 0), (vec![1], 1), (vec![1, 2], 0)]);
}

/// What comes out of two publishes if one table is held at last. If that is the published one, none, one or both of the
/// replaced ones wait to be freed; if it is one of the replaced, none or the other one.
const ONE_OF_TWO: [(&[u64], usize); 7] =
    [(&[], 0), (&[], 1), (&[], 2), (&[1], 0), (&[1], 1), (&[2], 0), (&[2], 1)];

fn is_one_of_two(outcomes: &[(Vec<u64>, usize)]) {
    assert!(outcomes.iter().map(|(old, free)| (&old[..], *free)).eq(ONE_OF_TWO), "{outcomes:?}");
}

// Bound 3: 94,758 executions, 9 s.
#[test]
fn a_visitor() {
    let outcomes = check("retire: a writer, a visitor", Some(3), || {
        let router = Router::whole(NodeId(1));
        let visitor = {
            let router = router.clone();
            thread::spawn(move || {
                let mut reader = router.reader();
                let visit = reader.snapshot();
                let during = router.retained();
                drop(visit);
                let after = router.retained();
                assert!([during, after].iter().all(|now| now.held <= now.tables && now.tables <= 2));
                reader.snapshot()
            })
        };
        router.transfer(SHARD, NodeId(2)).unwrap();
        router.transfer(SHARD, NodeId(3)).unwrap();
        let last = visitor.join().unwrap();
        settle(&router, vec![last], 2)
    });
    is_one_of_two(&outcomes);
}

// Bound 3: 37,032 executions, 5 s.
#[test]
fn two_writers_and_a_visitor() {
    let outcomes = check("retire: two writers, a visitor", Some(3), || {
        let router = Router::whole(NodeId(1));
        let visitor = {
            let router = router.clone();
            thread::spawn(move || {
                let kept = router.snapshot();
                let _ = router.retained();
                kept
            })
        };
        let writer = {
            let router = router.clone();
            thread::spawn(move || router.transfer(SHARD, NodeId(2)).unwrap())
        };
        router.transfer(SHARD, NodeId(3)).unwrap();
        writer.join().unwrap();
        settle(&router, vec![visitor.join().unwrap()], 2)
    });
    is_one_of_two(&outcomes);
}

// No bound: 15 executions.
#[test]
fn each_table_is_freed_once() {
    let outcomes = check("retire: two that reclaim", None, || {
        let router = Router::whole(NodeId(1));
        let held = [2, 3].map(|node| {
            let snapshot = router.snapshot();
            router.transfer(SHARD, NodeId(node)).unwrap();
            snapshot
        });
        assert_eq!((router.reclaim(), router.retained().tables), (0, 2));
        drop(held);
        let reclaim = || {
            let router = router.clone();
            thread::spawn(move || router.reclaim())
        };
        let freed = [reclaim(), reclaim()].map(|thread| thread.join().unwrap());
        assert_eq!(router.retained(), Retained::default());
        freed
    });
    assert_eq!(outcomes, [[0, 2], [2, 0]]);
}
