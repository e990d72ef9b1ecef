//! What does one look-up cost, and what does it cost in the maps that one would take otherwise?
//!
//! `cargo bench --bench lookup`, or a part of it: `cargo bench --bench lookup -- text/1000/`. With `-- --test` only small
//! tables, unless `SHARDWAY_BENCH_LARGE` is set.
//!
//! Every table is fresh from building and every query falls on a random shard: at 1,000 shards all is in the caches, at
//! 1,000,000 little but the top of the tree. Look-ups do not depend on each other, so the processor overlaps them: the
//! figures are throughput, and one look-up alone takes longer. Not measured: hot keys, tables that have aged, several keys at
//! once, other threads.

mod workload;

use std::cell::LazyCell;
use std::ops::Deref;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use shardway::{Route, ShardRecord};

use workload::cells::{LockedTree, ParkingTree, Shared, SwappedPersistent, SwappedSorted, SwappedTree};
use workload::concurrent;
use workload::keys::{KeySet, Queries};
use workload::maps::Map;
use workload::shards::{self, owner};

fn main() {
    let mut criterion = workload::criterion();
    for keys in KeySet::ALL {
        let queries = keys.queries();
        for count in workload::sizes([1_000, 10_000, 100_000, 1_000_000]) {
            look_up(&mut criterion, keys, count, &queries);
        }
    }
    criterion.final_summary();
}

/// What a filter leaves out is never built.
fn look_up(criterion: &mut Criterion, keys: KeySet, count: usize, queries: &Queries) {
    let records = LazyCell::new(|| shards::records(keys, count));
    let router = LazyCell::new(|| shards::router(&records));
    let group = criterion.benchmark_group(format!("lookup/{}/{count}", keys.name()));
    let mut contest = Contest { group, queries, records: &records };

    contest.run("Reader::resolve", || {
        let mut reader = router.reader();
        move |key: &[u8]| reader.resolve(key).ok()
    });
    contest.run("Router::resolve", || {
        let router = router.clone();
        move |key: &[u8]| router.resolve(key).ok()
    });
    contest.run("Table::resolve", || {
        let table = router.snapshot();
        move |key: &[u8]| table.resolve(key).ok()
    });
    contest.peer::<LockedTree>();
    contest.peer::<ParkingTree>();
    contest.peer::<SwappedTree>();
    contest.peer::<SwappedSorted>();
    contest.peer::<SwappedPersistent>();
    contest.run("SkipMap", || concurrent::skip_map(&records));
    contest.run("TreeIndex", || concurrent::tree_index(&records));
}

struct Contest<'c> {
    group: BenchmarkGroup<'c, WallTime>,
    queries: &'c Queries,
    records: &'c dyn Deref<Target = Vec<ShardRecord>>,
}

impl Contest<'_> {
    fn run<F: FnMut(&[u8]) -> Option<Route>>(&mut self, name: &str, contender: impl Fn() -> F) {
        let mut ready = None;
        let mut turn = 0_usize;
        self.group.bench_function(name, |bencher| {
            let resolve = ready.get_or_insert_with(|| {
                let mut resolve = contender();
                check(self.records, self.queries, &mut resolve);
                resolve
            });
            bencher.iter(|| {
                turn = turn.wrapping_add(1);
                resolve(self.queries.at(turn))
            });
        });
    }

    fn peer<S: Shared>(&mut self) {
        let records = self.records;
        self.run(&S::name(), || {
            let peer = S::of(records);
            move |key: &[u8]| peer.read(|map| map.floor(key))
        });
    }
}

/// A contender that is wrong may be as fast as it likes.
fn check(records: &[ShardRecord], queries: &Queries, mut resolve: impl FnMut(&[u8]) -> Option<Route>) {
    for key in queries.iter().take(1_000) {
        assert_eq!(resolve(key), Some(owner(records, key).route()));
    }
}
