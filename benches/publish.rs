//! What does one change to a published table cost, and how does that grow with the table?
//!
//! `cargo bench --bench publish`, or a part of it: `cargo bench --bench publish -- transfer/`. With `-- --test` only small
//! tables, unless `SHARDWAY_BENCH_LARGE` is set.
//!
//! One writer, no reader, on 65,536 random shards in turn: split in two and merged again (two publications), moved to
//! another node and back, reported on. What a publication replaces is freed within the time that is taken, in shardway by
//! the next publications. Shardway validates, and keeps epochs, versions and the directories by id and by node; the peers
//! put records into a map, and take them out, and that is all. Not measured: writers against each other, readers beside
//! them, how long a reader waits for the news, transactions of many changes (`transact`).

mod workload;

use std::cell::LazyCell;
use std::ops::Deref;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use shardway::{Router, ShardRecord};

use workload::cells::{LockedTree, SwappedPersistent};
use workload::keys::KeySet;
use workload::published::{Published, Step};
use workload::shards::{self, Targets};

fn main() {
    let mut criterion = workload::criterion();
    for count in workload::sizes([1_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KeySet::Random, count));
        for (name, steps) in RUNS {
            let group = criterion.benchmark_group(format!("publish/{name}/{count}"));
            let mut contest = Contest { group, steps, records: &records };
            contest.run::<Router>();
            contest.run::<SwappedPersistent>();
            contest.run::<LockedTree>();
        }
    }
    criterion.final_summary();
}

/// What is measured as one.
const RUNS: [(&str, &[Step]); 3] = [
    ("split_merge", &[Step::Split, Step::Merge]),
    ("transfer", &[Step::Transfer]),
    ("report", &[Step::Report]),
];

struct Contest<'c> {
    group: BenchmarkGroup<'c, WallTime>,
    steps: &'static [Step],
    records: &'c dyn Deref<Target = Vec<ShardRecord>>,
}

impl Contest<'_> {
    fn run<P: Published>(&mut self) {
        let mut ready = None;
        self.group.bench_function(P::name(), |bencher| {
            let (contender, targets) =
                ready.get_or_insert_with(|| (P::of(self.records), Targets::of(self.records)));
            bencher.iter(|| {
                let target = targets.next();
                self.steps.iter().for_each(|step| contender.carry_out(*step, target));
            });
        });
    }
}
