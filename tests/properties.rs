//! Every change against the dense model, from arbitrary scripts, with everything checked after each transaction:
//!
//! - the table accepts and refuses what the model does, for the same reason, with the same outcomes;
//! - a refused transaction leaves the table as it was, and one that alters nothing makes no revision;
//! - every key has the owner that the model gives it, each record is the model's, gaps and neighbours are where they are
//!   there, and all indexes are those of a rebuild (`verify`, and each question asked);
//! - epochs and versions of a shard never go back, and totals survive splits and merges;
//! - the difference of two versions is that of a full comparison;
//! - old versions, kept along the way, are what they were.

mod dense;

use std::collections::{BTreeMap, BTreeSet};

use dense::script::Script;
use dense::{Dense, POINTS, key, range};
use proptest::prelude::*;
use shardway::{Change, Difference, Error, NodeId, Refusal, ShardId, ShardRecord, Table};

/// Runs a script on a table and on the model, and says what outcomes and refusals it came to.
fn run(bytes: &[u8], mut table: Table, mut dense: Dense) -> BTreeSet<String> {
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

/// The scripts are worth nothing if they only ever meet refusals, or never meet one of them.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn scripts_come_to_every_outcome_and_refusal() {
    let mut seed = 1u64;
    let mut bytes = Vec::new();
    let mut seen = BTreeSet::new();
    for round in 0..300 {
        bytes.clear();
        bytes.extend((0..600).map(|_| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            seed.to_be_bytes()[0]
        }));
        let start = [(Table::whole(NodeId(1)), Dense::whole(NodeId(1))), (Table::empty(), Dense::empty())];
        let (table, dense) = start[round % 2].clone();
        seen.append(&mut run(&bytes, table, dense));
    }
    let outcomes = "Aborted Began Merged Progressed Registered Removed Split Transferred Unchanged Updated";
    let refusals = "AlreadyLeader DifferentLeaders DifferentReplicas DifferentStates DuplicateReplica EpochTooLow \
         EstimatesOverflow IllegalTransition LeaderAsReplica NeedsOperation NoOperation NoSuchReplica NoSuchShard \
         NotNeighbours OperationUnderWay Overlap RangeChanged RemovesLeader ShardExists SplitKeyOutside StaleEpoch \
         StaleRevision StaleVersion";
    let all: BTreeSet<String> = outcomes.split(' ').chain(refusals.split(' ')).map(String::from).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Asks the table everything that it can be asked.
fn assert_same(table: &Table, dense: &Dense) {
    table.verify().unwrap();
    let records = dense.records();
    assert_eq!((table.revision(), table.len()), (dense.revision, records.len()));
    assert_eq!(table.to_image().epoch_floor, dense.epoch_floor);
    assert!(table.shards().map(|shard| shard.to_record()).eq(records.iter().cloned()));
    assert!(table.shards().rev().map(|shard| shard.id()).eq(records.iter().rev().map(|record| record.id)));
    assert_eq!(table.gaps().collect::<Vec<_>>(), dense.gaps());

    for (point, owner) in dense.owner.iter().enumerate() {
        let inside = [key(point).as_bytes(), &[0x80; 3]].concat();
        let inside = if point == 0 { &[0] } else { inside.as_slice() };
        for key in [key(point).as_bytes(), inside] {
            let route = table.resolve(key);
            assert_eq!(route.map(|route| route.shard), owner.ok_or(Refusal::NoOwner));
            assert_eq!(route.ok(), owner.and_then(|id| table.shard(id)).map(|shard| shard.route()));
        }
    }
    for (place, record) in records.iter().enumerate() {
        let id = |place: Option<usize>| place.and_then(|place| records.get(place)).map(|record| record.id);
        assert_eq!(table.shard(record.id).map(|shard| shard.to_record()).as_ref(), Some(record));
        assert_eq!(table.previous(record.id).map(|shard| shard.id()), id(place.checked_sub(1)));
        assert_eq!(table.next(record.id).map(|shard| shard.id()), id(Some(place + 1)));
    }
    for from in (0..POINTS).step_by(7) {
        let asked = range(from, (from + 9).min(POINTS));
        let overlapping = records.iter().filter(|record| record.range.overlaps(&asked));
        assert!(table.range(&asked).map(|shard| shard.id()).eq(overlapping.clone().map(|record| record.id)));
        assert!(
            table.range(&asked).rev().map(|shard| shard.id()).eq(overlapping.rev().map(|record| record.id))
        );
        let gaps: Vec<_> =
            dense.gaps().iter().filter_map(|gap| Some(gap.intersection(&asked)?.to_key_range())).collect();
        assert_eq!(table.gaps_in(&asked).collect::<Vec<_>>(), gaps);
    }
    assert_nodes(table, &records);

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
    for (node, mut ids) in held {
        let mut found: Vec<_> = table.on_node(node).map(|shard| shard.id()).collect();
        found.sort_unstable();
        ids.sort_unstable();
        assert_eq!(found, ids);
        let mut ids = led.remove(&node).unwrap_or_default();
        ids.sort_unstable();
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
fn assert_diff_is_complete(old: &Table, new: &Table) {
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

fn scripts() -> impl Strategy<Value = Vec<u8>> {
    let longest = if cfg!(miri) { 40 } else { 600 };
    prop::collection::vec(any::<u8>(), 0..longest)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_table_that_covers_the_keyspace_agrees_with_the_model(bytes in scripts()) {
        run(&bytes, Table::whole(NodeId(1)), Dense::whole(NodeId(1)));
    }

    #[test]
    fn a_table_with_gaps_agrees_with_the_model(bytes in scripts()) {
        run(&bytes, Table::empty(), Dense::empty());
    }

    /// What two transactions on different shards come to does not depend on which comes first, but for fresh ids,
    /// versions and revisions.
    #[test]
    fn changes_to_different_shards_commute(low in 1..33usize, cut in 33..66usize, high in 66..POINTS) {
        let table = Table::whole(NodeId(1));
        let first = table.resolve("").unwrap().shard;
        let (table, _) = table.apply(&[Change::split(first, key(cut))]).unwrap();
        let [lower, upper] = [key(0), key(cut)].map(|key| table.resolve(key).unwrap().shard);
        let changes = [Change::split(lower, key(low)), Change::split(upper, key(high)).at(shardway::Timestamp(5))];
        let forth = table.apply(&changes).unwrap().0;
        let back = table.apply(&[changes[1].clone(), changes[0].clone()]).unwrap().0;
        let described = |table: &Table| table.shards().map(|shard| {
            (shard.range().to_key_range(), shard.leader(), shard.epoch(), shard.updated())
        }).collect::<Vec<_>>();
        prop_assert_eq!(described(&forth), described(&back));
    }

    /// A whole table stays whole under everything but removal.
    #[test]
    fn only_removal_makes_gaps(bytes in scripts()) {
        let mut table = Table::whole(NodeId(1));
        let mut script = Script::new(&bytes);
        while let Some(mut changes) = script.transaction(&table) {
            changes.retain(|change| !matches!(change.action, shardway::Action::Remove { .. }));
            if let Ok((next, _)) = table.apply(&changes) {
                table = next;
                prop_assert_eq!(table.gaps().next(), None);
            }
        }
    }

    /// What a table is written as, it is read from; and an image that is altered at one place is refused or sound.
    #[test]
    fn images_round_trip_and_altered_ones_are_checked(bytes in scripts(), place in any::<prop::sample::Index>(), with in 0..6u64) {
        let mut table = Table::whole(NodeId(1));
        let mut script = Script::new(&bytes);
        while let Some(changes) = script.transaction(&table) {
            table = table.apply(&changes).map_or(table, |(next, _)| next);
        }
        let mut image = table.to_image();
        prop_assert_eq!(&Table::from_image(image.clone()).unwrap(), &table);
        if image.shards.is_empty() {
            return Ok(());
        }
        let shard = place.index(image.shards.len());
        match with {
            0 => { image.shards.remove(shard); }
            1 => image.shards[shard].id = ShardId(with),
            2 => image.shards[shard].state = shardway::ShardState::Merging,
            3 => { image.operations.pop(); }
            4 => { let record = image.shards[shard].clone(); image.shards.push(record); }
            _ => image.shards[shard].replicas.push(NodeId(1)),
        }
        if let Ok(table) = Table::from_image(image) {
            prop_assert_eq!(table.verify(), Ok(()));
        }
    }
}
