//! Does what touches many shards at once take the same time for each of them, however many there are?
//!
//! `cargo bench --bench bulk`, or a part of it: `cargo bench --bench bulk -- build_sorted/`. With `-- --test` only small
//! tables, unless `SHARDWAY_BENCH_LARGE` is set.
//!
//! Read the throughput: if it stays about the same from size to size, no step is quadratic. It falls by what the logarithm
//! and the caches cost; `clone_keys`, which allocates and copies each key and does nothing else, shows how much of it is the
//! machine. Not measured: cloning the input, which building uses up, and freeing what comes out.

mod workload;

use std::cell::LazyCell;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use fastrand::Rng;
use shardway::{Change, Estimates, ShardRecord, Table};

use workload::keys::KeySet;
use workload::shards::{self, ALIKE};

/// A transaction has a change for one in so many shards.
const SHARDS_PER_CHANGE: usize = 10;
const _: () = assert!(
    SHARDS_PER_CHANGE % 2 == 0 && ALIKE % 2 == 0,
    "a shard in an even place can be merged with the next"
);

fn main() {
    let mut criterion = workload::criterion().sample_size(10);
    for count in workload::sizes([10_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KeySet::Random, count));
        let shuffled = LazyCell::new(|| shuffled(records.clone()));
        let changing = LazyCell::new(|| (shards::table(&records), changes(&records)));
        let keys = LazyCell::new(|| records.iter().map(|record| record.range.start().into()).collect());

        let mut bulk = Bulk { criterion: &mut criterion, count };
        bulk.run("clone_keys", count, || &*keys, Vec::<Box<[u8]>>::clone);
        bulk.run("build_sorted", count, || records.clone(), build);
        bulk.run("build_shuffled", count, || shuffled.clone(), build);
        bulk.run(
            "transact",
            count / SHARDS_PER_CHANGE,
            || &*changing,
            |(table, changes)| table.apply(changes).expect("the changes have nothing to do with each other"),
        );
    }
    criterion.final_summary();
}

struct Bulk<'c> {
    criterion: &'c mut Criterion,
    count: usize,
}

impl Bulk<'_> {
    fn run<I, O>(&mut self, what: &str, elements: usize, input: impl Fn() -> I, routine: impl Fn(I) -> O) {
        let mut group = self.criterion.benchmark_group(format!("bulk/{what}"));
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(elements as u64));
        group.bench_function(BenchmarkId::from_parameter(self.count), |bencher| {
            bencher.iter_batched(&input, &routine, BatchSize::PerIteration);
        });
    }
}

fn build(records: Vec<ShardRecord>) -> Table {
    Table::from_records(records).expect("the records are sound")
}

/// One change on each of the shards that are so far apart, of four kinds, in no order.
fn changes(records: &[ShardRecord]) -> Vec<Change> {
    let change = |(kind, pair): (_, &[ShardRecord])| {
        let (shard, next) = (&pair[0], &pair[1]);
        match kind {
            0 => Change::split(shard.id, shard.range.midpoint().expect("random keys leave room")),
            1 => Change::merge(shard.id, next.id),
            2 => Change::transfer(shard.id, shard.replicas[0]),
            _ => Change::report(shard.id, Estimates { keys: 5_000, bytes: 1 << 20 }),
        }
    };
    shuffled((0..4).cycle().zip(records.chunks_exact(SHARDS_PER_CHANGE)).map(change).collect())
}

fn shuffled<T>(mut items: Vec<T>) -> Vec<T> {
    Rng::with_seed(0).shuffle(&mut items);
    items
}
