//! What a reader's thread allocates and frees while writers publish: nothing. A counting allocator sees every call on that
//! thread. If writers did not keep the tables that they replace until nobody reads them, the reader would drop the last
//! reference to some, and be seen to free them.

#![allow(clippy::disallowed_types, reason = "the threads share a stop sign")]

mod counting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counting::CALLS;
use shardway::{
    Access, Change, Error, Grouping, KeyRange, Load, Naming, NodeId, RouteCache, Router, Sampling, ShardId,
    ShardRecord, Timestamp,
};

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

/// Batches in turn, sorted and not, that spread over many shards and over few: the first round finds how much room they take,
/// and later ones do with that.
#[test]
fn groups_take_memory_once() {
    let router = Router::whole(NodeId(1));
    for at in 1..200_u64 {
        let cut = Change::split_naming(ShardId(1), (at * 1_000).to_be_bytes(), Naming::KeepUpper);
        router.transact([cut, Change::transfer(ShardId(at + 1), NodeId(2 + at % 7))]).unwrap();
    }
    router.apply(Change::remove(ShardId(9))).unwrap();
    let scattered = (0..2_000_u64).map(|number| (number * 7_919 % 200_000).to_be_bytes()).collect::<Vec<_>>();
    let mut sorted = scattered.clone();
    sorted.sort();
    let batches = [&scattered[..], &sorted, &scattered[..9], &sorted[..300], &[]];

    let (mut reader, mut by_shard, mut by_leader) = (router.reader(), Grouping::new(), Grouping::new());
    let mut before = (0, 0);
    for round in 0..3 {
        before = if round == 1 { CALLS.get() } else { before };
        for batch in batches {
            reader.group_by_shard(batch, &mut by_shard);
            reader.group_by_leader(batch, &mut by_leader);
            let grouped = by_shard.groups().map(|group| group.positions.len()).sum::<usize>();
            assert_eq!(grouped + by_shard.unowned().len(), batch.len());
            assert_eq!(by_leader.unowned(), by_shard.unowned());
        }
    }
    assert_eq!(CALLS.get(), before, "(allocations, frees) after the first round");
}

/// A request of a client that knows its way, and is counted: once there is a slot for each shard, nothing is allocated but for keys
/// that are sampled.
#[test]
fn what_is_known_is_found_and_counted_without_allocation() {
    let (cache, load) = (RouteCache::new(), Load::new(Sampling { every: 0, keep: 0 }));
    let range = |shard: u8| KeyRange::try_from([shard]..[shard + 1]).unwrap();
    cache.learn(
        (0..100).map(|shard| ShardRecord::new(ShardId(shard.into()), range(shard), NodeId(1))),
        Timestamp(0),
    );
    let (mut reader, mut tracker) = (cache.reader(), load.tracker(1));
    let mut before = (0, 0);
    for round in 0..20 {
        // Windows are as large as they have to be by then.
        before = if round == 10 { CALLS.get() } else { before };
        for key in 0..100 {
            let route = reader.resolve([key]).unwrap();
            assert_eq!(
                cache.resolve_or_load([key], Timestamp(0), |_| Ok::<_, Error>(Vec::new())).unwrap(),
                route
            );
            tracker.count(route.shard, [key], 1);
        }
    }
    assert_eq!(CALLS.get(), before, "(allocations, frees)");
    tracker.flush();
    assert!(load.collect().shards.values().all(|count| count.requests == 20));
}
