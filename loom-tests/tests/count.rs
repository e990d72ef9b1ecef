//! Trackers that count, begin new windows and go, while another thread collects: the real `Load`. Whatever is counted is told once.
//! Twins: `relaxed_end`, `departs_unseen`.

#![cfg(loom)]

use loom::thread;
use shardway::{Counted, Load, Sampling, ShardId};
use shardway_loom_tests::check;

/// Requests that were told of each of three shards.
fn told(counted: &Counted) -> [u64; 3] {
    [1, 2, 3].map(|shard| counted.shards.get(&ShardId(shard)).map_or(0, |count| count.requests))
}

fn sum(parts: &[[u64; 3]]) -> [u64; 3] {
    [0, 1, 2].map(|shard| parts.iter().map(|part| part[shard]).sum())
}

fn load() -> Load {
    Load::new(Sampling { every: 0, keep: 0 })
}

// Bound 2: 16,307 executions, 2 s.
#[test]
fn a_tracker_that_grows_and_goes() {
    let outcomes = check("count: a tracker with two windows, two collections", Some(2), || {
        let load = load();
        let mut tracker = load.tracker(1);
        let counter = thread::spawn(move || {
            [1, 1, 2].into_iter().for_each(|shard| tracker.count(ShardId(shard), "", 10))
        });
        let some = [told(&load.collect()), told(&load.collect())];
        counter.join().unwrap();
        let all = [some[0], some[1], told(&load.collect())];
        assert_eq!(sum(&all), [2, 1, 0], "a request is lost or told twice");
        assert_eq!(told(&load.collect()), [0; 3]);
        some
    });
    for seen in [[0, 0, 0], [1, 0, 0], [2, 1, 0]] {
        assert!(outcomes.iter().any(|some| sum(some) == seen), "{seen:?}");
    }
}

// Bound 2: 293,380 executions, 28 s.
#[test]
fn two_trackers_and_a_collection() {
    let outcomes = check("count: two trackers that come and go, a collection", Some(2), || {
        let load = load();
        let counters = [2, 3].map(|shard| {
            let load = load.clone();
            thread::spawn(move || {
                let mut tracker = load.tracker(shard);
                tracker.count(ShardId(1), "", 10);
                tracker.count(ShardId(shard), "", 10);
            })
        });
        let some = told(&load.collect());
        counters.into_iter().for_each(|counter| counter.join().unwrap());
        assert_eq!(sum(&[some, told(&load.collect())]), [2, 1, 1], "a request is lost or told twice");
        some
    });
    assert!(outcomes.contains(&[0; 3]) && outcomes.contains(&[2, 1, 1]));
}
