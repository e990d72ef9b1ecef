//! What does it cost to find out how two versions of a table differ?
//!
//! Random shards are moved to another node; then all differences are visited.

use std::hint::black_box;

use serde_json::{Value, json};

use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::{each, medians};
use crate::workload::apart::moved;
use crate::workload::keys::KeySet;
use crate::workload::maps::{Map, Persistent};
use crate::workload::shards::{self, Targets};

const CHANGES: [usize; 4] = [1, 10, 100, 1_000];
/// So many differences are visited in a turn, however often that is from the start.
const VISITS: usize = 10_000;

pub(crate) fn run(extent: &Extent) -> Value {
    let records = shards::records(KeySet::Random, extent.large);
    let (table, map) = (shards::table(&records), Persistent::of(&records));
    let mut targets = Targets::of(&records);

    println!("diff: {} shards", grid::count(extent.large));
    let mut grid = Grid::new(["changes", "Table::diff, us", "imbl::OrdMap::diff, us", "imbl to shardway"]);
    let mut results = Vec::new();
    for changes in CHANGES {
        let (newer, newer_map) = moved(&table, &map, &mut targets, changes);
        let (tables, maps) = (|| table.diff(&newer).count(), || map.diff(&newer_map).count());
        let mut differences: [&dyn Fn() -> usize; 2] = [&tables, &maps];
        assert!(differences.iter().all(|differences| differences() == changes), "a diff is wrong");
        let times = VISITS / changes;
        let figures = medians(extent.rounds, &mut differences, |differences| {
            each(times, || {
                for _ in 0..times {
                    black_box(differences());
                }
            }) / 1e3
        });
        grid.row([
            grid::count(changes),
            figure(figures[0]),
            figure(figures[1]),
            figure(figures[1] / figures[0]),
        ]);
        results.push(json!({
            "shards": extent.large, "changes": changes,
            "shardway_us": figures[0], "imbl_us": figures[1],
        }));
    }
    println!("{grid}");
    results.into()
}
