//! What does a change cost among many that are published at once?
//!
//! Splits of random shards in one transaction, against the same one by one. Every round starts from the same table.

use serde_json::{Value, json};
use shardway::{Change, Router};

use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::{each, medians};
use crate::workload::cells::{Shared, SwappedPersistent};
use crate::workload::directory::{Directory, SwappedDirectory};
use crate::workload::keys::KeySet;
use crate::workload::maps::{Map, Persistent};
use crate::workload::shards::{self, Targets};

#[derive(Clone, Copy)]
enum Way {
    Transact,
    OneByOne,
    /// The peer, in one `rcu`.
    Rcu,
    /// The peer that keeps records and finds them by id.
    RcuById,
}

pub(crate) fn run(extent: &Extent) -> Value {
    let records = shards::records(KeySet::Random, extent.large);
    let (table, map) = (shards::table(&records), Persistent::of(&records));
    let directory = Directory::of(&records);
    let mut targets = Targets::of(&records);
    let targets = targets.first(extent.changes);
    let changes: Vec<_> =
        targets.iter().map(|target| Change::split(target.record.id, &target.middle)).collect();

    let mut ways = [
        (Way::Transact, "Router::transact"),
        (Way::OneByOne, "Router::apply, one by one"),
        (Way::Rcu, "ArcSwap<imbl::OrdMap>, one rcu"),
        (Way::RcuById, "ArcSwap<imbl::OrdMap, and by id>, one rcu"),
    ];
    let figures = medians(extent.rounds, &mut ways, |(way, _)| {
        let router = Router::new(table.clone());
        let shared = SwappedPersistent::from_pointee(map.clone());
        let by_id = SwappedDirectory::from_pointee(directory.clone());
        each(changes.len(), || match way {
            Way::Transact => drop(router.transact(&changes).expect("the splits are apart")),
            Way::OneByOne => {
                for change in &changes {
                    router.apply(change.clone()).expect("it can be split");
                }
            }
            Way::Rcu => shared.publish(|map| {
                for target in &*targets {
                    map.put(&target.start, &target.record);
                    map.put(&target.middle, &target.record);
                }
            }),
            Way::RcuById => {
                by_id.rcu(|directory| {
                    let mut next = Directory::clone(directory);
                    for target in &*targets {
                        next.split(target.record.id, &target.middle);
                    }
                    next
                });
            }
        })
    });

    let title = format!("{} splits among {} shards", grid::count(changes.len()), grid::count(extent.large));
    println!("transaction: {title}");
    let mut grid = Grid::new(["", "ns per change", "to one transaction"]);
    let mut results = Vec::new();
    for ((_, name), ns) in ways.iter().zip(&figures) {
        grid.row([(*name).into(), figure(*ns), figure(ns / figures[0])]);
        results.push(json!({ "name": name, "shards": extent.large, "changes": changes.len(), "ns": ns }));
    }
    println!("{grid}");
    results.into()
}
