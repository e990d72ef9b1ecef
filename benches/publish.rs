//! What does one change to a published table cost, and how does that grow with the table?
//!
//! `cargo bench --bench publish`, or a part of it: `cargo bench --bench publish -- transfer/`. With `-- --test` only small
//! tables, unless `SHARDWAY_BENCH_LARGE` is set.
//!
//! One writer, no reader, on 65,536 random shards in turn: split in two and merged again (two publications), moved to
//! another node and back, reported on. What a publication replaces is freed within the time that is taken, in shardway by
//! the next publications. Shardway validates, and keeps epochs, versions and the directories by id and by node; the peers
//! put records into a map, and take them out, and that is all. Not measured: writers against each other, readers beside
//! them, how long a reader waits for the news, transactions of many changes (`bulk`).

mod workload;

use std::cell::LazyCell;
use std::mem::swap;
use std::ops::Deref;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use shardway::{Change, Router, ShardRecord};

use workload::keys::KeySet;
use workload::peers::{LockedTree, Map, Shared, SwappedPersistent};
use workload::shards::{self, Target, Targets};

fn main() {
    let mut criterion = workload::criterion();
    for count in workload::sizes([1_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KeySet::Random, count));
        for step in [Step::SplitMerge, Step::Transfer, Step::Report] {
            let group = criterion.benchmark_group(format!("publish/{}/{count}", step.name()));
            let mut contest = Contest { group, step, records: &records };
            contest.run::<Router>();
            contest.run::<SwappedPersistent>();
            contest.run::<LockedTree>();
        }
    }
    criterion.final_summary();
}

#[derive(Clone, Copy)]
enum Step {
    /// Two publications.
    SplitMerge,
    /// To another node; the next time back.
    Transfer,
    Report,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::SplitMerge => "split_merge",
            Self::Transfer => "transfer",
            Self::Report => "report",
        }
    }

    /// Makes of the record what is to be published; of a split and merge nothing is left.
    fn prepare(self, target: &mut Target) {
        match self {
            Self::SplitMerge => {}
            Self::Transfer => swap(&mut target.record.leader, &mut target.other),
            Self::Report => target.record.estimates.keys += 1,
        }
    }
}

trait Contender {
    fn name() -> String;

    fn of(records: &[ShardRecord]) -> Self;

    fn carry_out(&self, step: Step, target: &mut Target);
}

impl Contender for Router {
    fn name() -> String {
        "Router".into()
    }

    fn of(records: &[ShardRecord]) -> Self {
        shards::router(records)
    }

    fn carry_out(&self, step: Step, Target { record, middle, .. }: &mut Target) {
        match step {
            Step::SplitMerge => {
                let halves = self.split(record.id, &*middle).expect("it can be split");
                record.id = self.merge(halves.lower, halves.upper).expect("they were one");
            }
            Step::Transfer => self.transfer(record.id, record.leader).expect("another node led it"),
            Step::Report => {
                self.apply(Change::report(record.id, record.estimates)).expect("it is there");
            }
        }
    }
}

impl<S: Shared> Contender for S {
    fn name() -> String {
        S::name()
    }

    fn of(records: &[ShardRecord]) -> Self {
        S::of(records)
    }

    fn carry_out(&self, step: Step, Target { record, start, middle, .. }: &mut Target) {
        match step {
            Step::SplitMerge => {
                self.publish(|map| {
                    map.put(start, record);
                    map.put(middle, record);
                });
                self.publish(|map| {
                    map.take(middle);
                    map.put(start, record);
                });
            }
            Step::Transfer | Step::Report => self.publish(|map| map.put(start, record)),
        }
    }
}

struct Contest<'c> {
    group: BenchmarkGroup<'c, WallTime>,
    step: Step,
    records: &'c dyn Deref<Target = Vec<ShardRecord>>,
}

impl Contest<'_> {
    fn run<C: Contender>(&mut self) {
        let mut ready = None;
        self.group.bench_function(C::name(), |bencher| {
            let (contender, targets) =
                ready.get_or_insert_with(|| (C::of(self.records), Targets::of(self.records)));
            bencher.iter(|| {
                let target = targets.next();
                self.step.prepare(target);
                contender.carry_out(self.step, target);
            });
        });
    }
}
