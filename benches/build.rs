//! Does building a table take the same time for each shard, however many there are?
//!
//! `cargo bench --bench build`, or a part of it: `cargo bench --bench build -- sorted/`. With `-- --test` only small tables,
//! unless `SHARDWAY_BENCH_LARGE` is set.
//!
//! Read the throughput: if it stays about the same from size to size, no step is quadratic. It falls by what the logarithm
//! and the caches cost; `clone_keys`, which allocates and copies each key and does nothing else, shows how much of it is the
//! machine. Not measured: cloning the input, which building uses up, and freeing what comes out.

mod workload;

use std::cell::LazyCell;

use shardway::{ShardRecord, Table};

use workload::bulk::{Bulk, shuffled};
use workload::keys::KeySet;
use workload::shards;

fn main() {
    let mut criterion = workload::criterion().sample_size(10);
    for count in workload::sizes([10_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KeySet::Random, count));
        let shuffled = LazyCell::new(|| shuffled(records.clone()));
        let keys = LazyCell::new(|| records.iter().map(|record| record.range.start().into()).collect());

        let mut bulk = Bulk { criterion: &mut criterion, what: "build", shards: count };
        bulk.run("clone_keys", count, || &*keys, Vec::<Box<[u8]>>::clone);
        bulk.run("sorted", count, || records.clone(), build);
        bulk.run("shuffled", count, || shuffled.clone(), build);
    }
    criterion.final_summary();
}

fn build(records: Vec<ShardRecord>) -> Table {
    Table::from_records(records).expect("the records are sound")
}
