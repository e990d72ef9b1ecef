//! Two versions of a table, and of a map, that are some changes apart.

use shardway::{Change, Table};

use super::maps::{Map, Persistent};
use super::shards::Targets;

/// What comes of a table, and of a map with the same shards, when so many of them move to another node.
pub(crate) fn moved(
    table: &Table,
    map: &Persistent,
    targets: &mut Targets,
    changes: usize,
) -> (Table, Persistent) {
    let targets = targets.first(changes);
    let moves: Vec<_> =
        targets.iter().map(|target| Change::transfer(target.record.id, target.other)).collect();
    let (newer, _) = table.apply(&moves).expect("other nodes lead them");
    let mut newer_map = map.clone();
    for target in targets {
        let mut record = target.record.clone();
        record.leader = target.other;
        newer_map.put(&target.start, &record);
    }
    (newer, newer_map)
}
