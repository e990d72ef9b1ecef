//! What does it cost to build a table, beside what its keys alone cost?
//!
//! From sorted records, which are cloned before the time is taken; what comes out is freed after it.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use shardway::{Key, Table};

use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::{medians, nanoseconds};
use crate::workload::keys::KeySet;
use crate::workload::shards;

#[derive(Clone, Copy)]
enum What {
    Table,
    /// Shared: a count for each.
    Keys,
    /// An allocation and a copy for each.
    Bytes,
}

pub(crate) fn run(extent: &Extent) -> Value {
    let records = shards::records(KeySet::Random, extent.large);
    let keys: Vec<Key> = records.iter().map(|record| record.range.start().into()).collect();
    let mut all = [
        (What::Table, "Table::from_records"),
        (What::Keys, "clone the keys as Key"),
        (What::Bytes, "copy the keys as Box<[u8]>"),
    ];
    let figures = medians(extent.rounds, &mut all, |(what, _)| {
        let input = records.clone();
        let per_shard = match what {
            What::Table => timed(|| Table::from_records(input).expect("the records are sound")),
            What::Keys => timed(|| keys.clone()),
            What::Bytes => {
                timed(|| keys.iter().map(|key| Box::from(key.as_bytes())).collect::<Vec<Box<[u8]>>>())
            }
        };
        per_shard / extent.large as f64
    });

    println!("build: {} shards", grid::count(extent.large));
    let mut grid = Grid::new(["", "ns per shard", "of the table's"]);
    let mut results = Vec::new();
    for ((_, name), ns) in all.iter().zip(&figures) {
        grid.row([(*name).into(), figure(*ns), figure(ns / figures[0])]);
        results.push(json!({ "name": name, "shards": extent.large, "ns": ns }));
    }
    println!("{grid}");
    results.into()
}

fn timed<T>(make: impl FnOnce() -> T) -> f64 {
    let began = Instant::now();
    let made = black_box(make());
    let time = began.elapsed();
    drop(made);
    nanoseconds(time)
}
