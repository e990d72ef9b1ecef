//! What does a look-up cost when several keys are asked for at once, beside one by one?
//!
//! `cargo bench --bench batch`, or a part of it: `cargo bench --bench batch -- text/`. With `-- --test` only small tables,
//! unless `SHARDWAY_BENCH_LARGE` is set. Read the throughput: keys a second. Not measured: collecting the keys of a batch.

mod workload;

use std::cell::LazyCell;

use criterion::{BenchmarkId, Throughput};

use workload::keys::KeySet;
use workload::shards;

fn main() {
    let mut criterion = workload::criterion();
    for keys in KeySet::ALL {
        let queries = keys.queries();
        let queries: Vec<_> = queries.iter().collect();
        for count in workload::sizes([1_000, 100_000, 1_000_000]) {
            // What a filter leaves out is never built.
            let router = LazyCell::new(|| shards::router(&shards::records(keys, count)));
            let mut group = criterion.benchmark_group(format!("batch/{}/{count}", keys.name()));
            for size in [1, 8, 64, 512] {
                group.throughput(Throughput::Elements(size as u64));
                let mut batches = queries.chunks_exact(size).cycle();
                group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                    let (mut reader, mut answers) = (router.reader(), Vec::with_capacity(size));
                    bencher.iter(|| {
                        let batch = batches.next().unwrap_or_default();
                        reader.resolve_many(batch, &mut answers);
                        answers.last().copied()
                    });
                });
            }
        }
    }
    criterion.final_summary();
}
