//! How much memory does a shard take?
//!
//! Everything that is allocated and stays, keys and records included: 16-byte random keys, two replicas. As asked for, without
//! what the allocator adds to each piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use shardway::{Key, KeyEnd, KeyRange, ShardRecord};

use crate::counting::bytes_of;
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::workload::keys::KeySet;
use crate::workload::maps::{Map, Tree};
use crate::workload::shards;

pub(crate) fn run(extent: &Extent) -> Value {
    let make = || shards::records(KeySet::Random, extent.large);
    let (records, bare) = bytes_of(make);
    // Made of records of their own: such as are shared with others would not count.
    let (table, whole) = bytes_of(|| shards::table(&make()));
    drop(table);
    let (map, deep) = bytes_of(|| records.iter().map(apart).collect::<BTreeMap<_, _>>());
    drop(map);
    let (map, routes) = bytes_of(|| Tree::of(&records));
    drop(map);

    let all = [
        ("shardway Table", whole),
        ("BTreeMap<Key, Arc<ShardRecord>>", deep),
        ("BTreeMap<Box<[u8]>, Route>", routes),
        ("Vec<ShardRecord>, keys shared", bare),
    ];
    println!("memory: {} shards", grid::count(extent.large));
    let mut grid = Grid::new(["", "bytes per shard", "of shardway's"]);
    let mut results = Vec::new();
    for (name, bytes) in all {
        let per_shard = bytes as f64 / extent.large as f64;
        grid.row([name.into(), figure(per_shard), figure(bytes as f64 / whole as f64)]);
        results.push(json!({ "name": name, "shards": extent.large, "bytes_per_shard": per_shard }));
    }
    println!("{grid}");
    results.into()
}

/// An entry that has no bytes in common with others.
fn apart(record: &ShardRecord) -> (Key, Arc<ShardRecord>) {
    let end = match record.range.end() {
        KeyEnd::At(key) => KeyEnd::At(Key::from(key)),
        KeyEnd::Unbounded => KeyEnd::Unbounded,
    };
    let mut own = record.clone();
    own.range = KeyRange::new(Key::from(record.range.start()), end).expect("it is one already");
    (Key::from(record.range.start()), Arc::new(own))
}
