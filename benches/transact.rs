//! Does a transaction of many changes take the same time for each of them, however many there are?
//!
//! `cargo bench --bench transact`. With `-- --test` only small tables, unless `SHARDWAY_BENCH_LARGE` is set. Read the
//! throughput, as in `build`. Not measured: publishing the result, and freeing what comes out.

mod workload;

use std::cell::LazyCell;

use shardway::{Change, Estimates, ShardRecord};

use workload::bulk::{Bulk, shuffled};
use workload::keys::KeySet;
use workload::shards::{self, ALIKE};

/// A transaction has a change for one in so many shards.
const SHARDS_PER_CHANGE: usize = 10;
const _: () = assert!(
    SHARDS_PER_CHANGE.is_multiple_of(2) && ALIKE.is_multiple_of(2),
    "a shard in an even place can be merged with the next"
);

fn main() {
    let mut criterion = workload::criterion().sample_size(10);
    for count in workload::sizes([10_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let changing = LazyCell::new(|| {
            let records = shards::records(KeySet::Random, count);
            (shards::table(&records), changes(&records))
        });
        let mut bulk = Bulk { criterion: &mut criterion, what: "transact", shards: count };
        bulk.run(
            "mixed",
            count / SHARDS_PER_CHANGE,
            || &*changing,
            |(table, changes)| table.apply(changes).expect("the changes have nothing to do with each other"),
        );
    }
    criterion.final_summary();
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
