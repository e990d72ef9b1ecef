//! A script on a table and on the model side by side, with everything checked after each transaction.

use std::collections::{BTreeMap, BTreeSet};

use shardway::{Difference, Error, NodeId, Refusal, ShardId, ShardRecord, Table};

use super::follow::{assert_delta_leads, assert_moves_are_complete};
use super::script::Script;
use super::{Dense, POINTS, key, range};

/// Runs a script on a table and on the model, and says what outcomes and refusals it came to.
pub(crate) fn run(bytes: &[u8], mut table: Table, mut dense: Dense) -> BTreeSet<String> {
    let mut script = Script::new(bytes);
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    while let Some(changes) = script.transaction(&table) {
        let before = table.to_image();
        let expected = dense.apply(&changes);
        match (table.apply(&changes), expected) {
            (Ok((next, summary)), Ok(outcomes)) => {
                assert_eq!(summary.outcomes, outcomes);
                seen.extend(outcomes.iter().map(variant));
                assert_eq!((summary.base, summary.revision), (table.revision(), dense.revision));
                assert_eq!(summary.altered(), next != table, "{changes:?}");
                assert_epochs_grow(&table, &next);
                assert_diff_is_complete(&table, &next);
                assert_moves_are_complete(&table, &next);
                assert_delta_leads(&table, &next);
                kept.push((std::mem::replace(&mut table, next), before));
            }
            (Err(Error::Transaction { index, cause }), Err((place, refused))) => {
                assert_eq!((index, variant(&cause).as_str()), (place, refused), "{changes:?}");
                assert_eq!(table.to_image(), before);
                seen.insert(variant(&cause));
            }
            (result, expected) => panic!("{result:?}, but the model says {expected:?}: {changes:?}"),
        }
        assert_same(&table, &dense);
    }
    for (old, image) in kept {
        assert_eq!(old.to_image(), image, "an old version has changed");
    }
    seen
}

/// The name of an enum's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// Asks the table everything that it can be asked.
fn assert_same(table: &Table, dense: &Dense) {
    table.verify().unwrap();
    let records = dense.records();
    assert_eq!((table.revision(), table.len()), (dense.revision, records.len()));
    assert_eq!(table.to_image().floor, dense.floor);
    assert!(table.shards().map(|shard| shard.to_record()).eq(records.iter().cloned()));
    assert!(table.shards().rev().map(|shard| shard.id()).eq(records.iter().rev().map(|record| record.id)));
    assert_eq!(table.gaps().collect::<Vec<_>>(), dense.gaps());

    let mut asked = Vec::new();
    for (point, owner) in dense.owner.iter().enumerate() {
        let inside = [key(point).as_bytes(), &[0x80; 3]].concat();
        let inside = if point == 0 { &[0] } else { inside.as_slice() };
        for key in [key(point).as_bytes(), inside] {
            let route = table.resolve(key);
            assert_eq!(route.map(|route| route.shard), owner.ok_or(Refusal::NoOwner));
            assert_eq!(route.ok(), owner.and_then(|id| table.shard(id)).map(|shard| shard.route()));
            asked.push((key.to_vec(), route));
        }
    }
    let (keys, expected): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let mut answers = Vec::new();
    table.resolve_many(&keys, &mut answers);
    assert_eq!(answers, expected);
    for (place, record) in records.iter().enumerate() {
        let id = |place: Option<usize>| place.and_then(|place| records.get(place)).map(|record| record.id);
        assert_eq!(table.shard(record.id).map(|shard| shard.to_record()).as_ref(), Some(record));
        let sets = table
            .shard(record.id)
            .map(|shard| (table.read_set(shard).collect(), table.write_set(shard).collect()));
        assert_eq!(sets, Some(dense.sets(record)));
        assert_eq!(table.previous(record.id).map(|shard| shard.id()), id(place.checked_sub(1)));
        assert_eq!(table.next(record.id).map(|shard| shard.id()), id(Some(place + 1)));
    }
    for from in (0..POINTS).step_by(7) {
        let asked = range(from, (from + 9).min(POINTS));
        let overlapping = records.iter().filter(|record| record.range.overlaps(&asked));
        assert!(table.range(&asked).map(|shard| shard.id()).eq(overlapping.clone().map(|record| record.id)));
        let sum = |of: fn(&ShardRecord) -> u64| overlapping.clone().map(of).fold(0, u64::saturating_add);
        let totals = table.totals(&asked);
        assert_eq!(totals.shards, overlapping.clone().count() as u64);
        assert_eq!(totals.keys, sum(|record| record.estimates.keys));
        assert_eq!(totals.bytes, sum(|record| record.estimates.bytes));
        assert!(
            table.range(&asked).rev().map(|shard| shard.id()).eq(overlapping.rev().map(|record| record.id))
        );
        let gaps: Vec<_> =
            dense.gaps().iter().filter_map(|gap| Some(gap.intersection(&asked)?.to_key_range())).collect();
        assert_eq!(table.gaps_in(&asked).collect::<Vec<_>>(), gaps);
    }
    assert_nodes(table, &records);

    assert!(table.known_nodes().eq(dense.nodes.values()));
    assert_eq!(table.memory(), dense.memory);
    assert!(table.passings().count() as u64 <= dense.memory.passings);

    let mut operations = dense.operations.clone();
    operations.sort_by_key(|operation| operation.shard());
    assert!(table.operations().eq(&operations));
}

fn assert_nodes(table: &Table, records: &[ShardRecord]) {
    let mut led = BTreeMap::<NodeId, Vec<ShardId>>::new();
    let mut held = BTreeMap::<NodeId, Vec<ShardId>>::new();
    for record in records {
        led.entry(record.leader).or_default().push(record.id);
        for node in record.replicas.iter().chain([&record.leader]) {
            held.entry(*node).or_default().push(record.id);
        }
    }
    assert!(table.nodes().eq(held.keys().copied()));
    for (node, ids) in held {
        assert!(table.on_node(node).map(|shard| shard.id()).eq(ids));
        let ids = led.remove(&node).unwrap_or_default();
        assert!(table.led_by(node).map(|shard| shard.id()).eq(ids));
    }
}

fn assert_epochs_grow(old: &Table, new: &Table) {
    for (before, after) in old.shards().filter_map(|before| Some((before, new.shard(before.id())?))) {
        assert!(before.epoch() <= after.epoch() && before.version() <= after.version());
        assert_eq!(before.to_record() == after.to_record(), before.version() == after.version());
        assert_eq!(before.range() == after.range(), before.epoch().range == after.epoch().range);
        let members = |shard: &shardway::Shard<'_>| (shard.leader(), shard.replicas().to_vec());
        let moved = before.epoch().members != after.epoch().members;
        assert!(moved || members(&before) == members(&after));
    }
}

/// By a full comparison of both.
pub(crate) fn assert_diff_is_complete(old: &Table, new: &Table) {
    let mut expected = BTreeMap::new();
    for shard in old.shards() {
        expected.insert(shard.start(), (Some(shard), None));
    }
    for shard in new.shards() {
        expected.entry(shard.start()).or_insert((None, None)).1 = Some(shard);
    }
    expected.retain(|_, (old, new)| old != new);
    let found = old.diff(new).map(|difference| match difference {
        Difference::Gone(old) => (Some(old), None),
        Difference::New(new) => (None, Some(new)),
        Difference::Changed(old, new) => (Some(old), Some(new)),
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.into_values().collect::<Vec<_>>());
}
