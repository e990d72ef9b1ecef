//! Deltas of another router, handed to the real one by two threads while a third reads: each is applied to the one table that
//! it is for, or refused by what it finds instead; the reader sees whole tables of the other router, in their order. Twin:
//! `lost_update`.

#![cfg(loom)]

use loom::thread;
use shardway::{Change, Delta, Error, NodeId, Router, ShardId, Table};
use shardway_loom_tests::check;

/// Three versions in a row.
fn versions() -> [Table; 3] {
    let first = Table::whole(NodeId(1));
    let (second, _) = first.apply(&[Change::split(ShardId(1), "m")]).unwrap();
    let (third, _) = second.apply(&[Change::transfer(ShardId(2), NodeId(2))]).unwrap();
    [first, second, third]
}

fn follow(router: &Router, deltas: Vec<Delta>) -> thread::JoinHandle<Vec<Result<u64, Error>>> {
    let router = router.clone();
    thread::spawn(move || deltas.iter().map(|delta| router.follow(delta)).collect())
}

// Bound 2: 14,825 executions, 2 s.
#[test]
fn step_by_step_and_at_once() {
    let tables = versions();
    let outcomes = check("follow: two deltas in a row, and one over both", Some(2), move || {
        let [first, second, third] = &tables;
        let router = Router::new(first.clone());
        let one_by_one = follow(&router, vec![first.delta(second), second.delta(third)]);
        let at_once = follow(&router, vec![first.delta(third)]);

        let mut reader = router.reader();
        let seen: Vec<_> = (0..2)
            .map(|_| {
                let found = reader.table();
                tables.iter().position(|table| table == found).expect("one of the other router's tables")
            })
            .collect();
        assert!(seen.is_sorted(), "the reader's tables go back: {seen:?}");

        let results = (one_by_one.join().unwrap(), at_once.join().unwrap());
        let stale = |found| Err(Error::StaleRevision { expected: 1, found });
        let steps = (vec![Ok(2), Ok(3)], [stale(2), stale(3)]);
        let is_by_steps = results.0 == steps.0 && steps.1.contains(&results.1[0]);
        let lost = vec![stale(3), Err(Error::StaleRevision { expected: 2, found: 3 })];
        let is_at_once = results == (lost, vec![Ok(3)]);
        assert!(is_by_steps || is_at_once, "two deltas are applied to one table: {results:?}");
        assert_eq!(*router.snapshot(), *third);
        (is_at_once, seen)
    });
    // The reader sees any two of the tables, but the second one only if they come step by step.
    assert!(outcomes.contains(&(true, vec![0, 2])) && outcomes.contains(&(false, vec![1, 2])));
    assert!(outcomes.iter().all(|(is_at_once, seen)| !is_at_once || !seen.contains(&1)));
}
