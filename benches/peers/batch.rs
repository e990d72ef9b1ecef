//! What does a look-up cost when several keys are asked for at once?
//!
//! Per key, on random keys. The peer takes its lock once for each batch.

use std::hint::black_box;

use serde_json::{Value, json};
use shardway::Route;

use crate::contender::{BATCH, Batches, COMPARED, Contender, Kind, Pass};
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::{medians, warm};
use crate::workload::cells::{ParkingTree, Shared};
use crate::workload::keys::KeySet;
use crate::workload::maps::Map;
use crate::workload::shards;

const SIZES: [usize; 4] = [8, 16, BATCH, 256];

pub(crate) fn run(extent: &Extent) -> Value {
    let mut results = Vec::new();
    for count in extent.sizes {
        let records = shards::records(KeySet::Random, *count);
        let queries = KeySet::Random.so_many_queries(extent.queries);
        let queries: Vec<_> = queries.iter().collect();
        let router = shards::router(&records);
        let mut reader = router.reader();
        let one_by_one = move |key: &[u8]| reader.resolve(key).ok();
        let mut contenders = vec![Contender::new(COMPARED, Kind::Shardway, one_by_one)];
        contenders.extend(SIZES.map(|size| {
            let name = format!("shardway Reader::resolve_many, {size}");
            Contender::new(name, Kind::Shardway, Batches::new(&router, size))
        }));
        let peer = LockedBatches(ParkingTree::of(&records));
        contenders.push(Contender::new(format!("{}, {BATCH}", ParkingTree::name()), Kind::Peer, peer));

        let right = contenders[0].pass.answers(&queries);
        for contender in &mut contenders {
            assert!(contender.pass.answers(&queries) == right, "{} is wrong", contender.name);
        }
        let figures = medians(extent.rounds, &mut contenders, |contender| {
            warm(&queries, |block| contender.pass.pass(block))
        });

        println!("batch: {} shards", grid::count(*count));
        let mut grid = Grid::new(["", "ns per key", "to one by one"]);
        for (contender, nanoseconds) in contenders.iter().zip(&figures) {
            grid.row([contender.name.clone(), figure(*nanoseconds), figure(nanoseconds / figures[0])]);
            results.push(json!({ "name": contender.name, "shards": count, "ns": nanoseconds }));
        }
        println!("{grid}");
    }
    results.into()
}

struct LockedBatches(ParkingTree);

impl Pass for LockedBatches {
    fn pass(&mut self, keys: &[&[u8]]) {
        for batch in keys.chunks(BATCH) {
            let map = self.0.read();
            for key in batch {
                black_box(map.floor(key));
            }
        }
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        let map = self.0.read();
        keys.iter().map(|key| map.floor(key)).collect()
    }
}
