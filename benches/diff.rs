//! What does it cost to find out how two versions of a table differ?
//!
//! `cargo bench --bench diff`. With `-- --test` only small tables, unless `SHARDWAY_BENCH_LARGE` is set. Random shards are
//! moved to another node; then all differences are visited. Read the throughput: differences a second.

mod workload;

use std::cell::LazyCell;

use criterion::{BenchmarkId, Throughput};

use workload::apart::moved;
use workload::keys::KeySet;
use workload::maps::{Map, Persistent};
use workload::shards::{self, Targets};

fn main() {
    let mut criterion = workload::criterion();
    for count in workload::sizes([10_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KeySet::Random, count));
        let old = LazyCell::new(|| (shards::table(&records), Persistent::of(&records)));
        let mut group = criterion.benchmark_group(format!("diff/{count}"));
        for changes in [1, 10, 100, 1_000] {
            group.throughput(Throughput::Elements(changes as u64));
            let new = LazyCell::new(|| moved(&old.0, &old.1, &mut Targets::of(&records), changes));
            group.bench_function(BenchmarkId::new("Table", changes), |bencher| {
                bencher.iter(|| old.0.diff(&new.0).count());
            });
            group.bench_function(BenchmarkId::new("imbl::OrdMap", changes), |bencher| {
                bencher.iter(|| old.1.diff(&new.1).count());
            });
        }
    }
    criterion.final_summary();
}
