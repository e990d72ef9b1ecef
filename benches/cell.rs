//! What does it cost to get at the published table, before a look-up has begun?
//!
//! `cargo bench --bench cell`
//!
//! Each way in is entered, asked for the revision and left again, by one thread that has the cell to itself and its lines in
//! the cache. So locks and counted references come off far too well: not measured here is a second reader, with whom they
//! fight over a line at each turn, nor a writer, nor what is never freed while an epoch is pinned.

#![allow(clippy::disallowed_types, reason = "they are what shardway is compared with")]

mod workload;

use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

use shardway::{NodeId, Router, Table};

use workload::epoch::EpochCell;

fn main() {
    let mut criterion = workload::criterion();
    let mut group = criterion.benchmark_group("cell");
    let table = || Arc::new(Table::whole(NodeId(1)));

    let router = Router::whole(NodeId(1));
    let mut reader = router.reader();
    group.bench_function("Reader::table", |bencher| bencher.iter(|| reader.table().revision()));
    group.bench_function("Router::revision", |bencher| bencher.iter(|| router.revision()));
    group.bench_function("Router::snapshot", |bencher| bencher.iter(|| router.snapshot().revision()));

    let alone = table();
    group.bench_function("no cell", |bencher| bencher.iter(|| black_box(&alone).revision()));

    let cell = EpochCell::new(table());
    let handle = cell.handle();
    group.bench_function("crossbeam-epoch", |bencher| {
        bencher.iter(|| cell.read(&handle, |table| table.revision()));
    });
    let lock = RwLock::new(table());
    group.bench_function("std::RwLock<Arc>", |bencher| {
        bencher.iter(|| lock.read().unwrap_or_else(PoisonError::into_inner).revision());
    });
    let lock = parking_lot::RwLock::new(table());
    group.bench_function("parking_lot::RwLock<Arc>", |bencher| bencher.iter(|| lock.read().revision()));

    group.finish();
    criterion.final_summary();
}
