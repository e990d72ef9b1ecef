//! Every change against the dense model, from arbitrary scripts, with everything checked after each transaction:
//!
//! - the table accepts and refuses what the model does, for the same reason, with the same outcomes;
//! - a refused transaction leaves the table as it was, and one that alters nothing makes no revision;
//! - every key has the owner that the model gives it, each record is the model's, gaps and neighbours are where they are
//!   there, and all indexes are those of a rebuild (`verify`, and each question asked);
//! - epochs and versions of a shard never go back, and totals survive splits and merges;
//! - the difference of two versions is that of a full comparison;
//! - old versions, kept along the way, are what they were.

#[allow(dead_code, reason = "others ask what is not asked here")]
mod dense;

use std::collections::BTreeSet;

use dense::check::run;
use dense::script::Script;
use dense::{Dense, POINTS, key};
use proptest::prelude::*;
use shardway::{Change, NodeId, ShardId, Table};

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
    let outcomes = "Aborted Began MemorySet Merged NodeForgotten NodeKnown Progressed Registered Relocated Removed Split Stepped Transferred Unchanged Updated";
    let refusals = "AlreadyLeader DifferentLeaders DifferentReplicas DifferentStates DuplicateReplica \
         EstimatesOverflow IllegalTransition LeaderAsReplica NeedsOperation NoOperation NoSuchNode NodeInUse NoSuchReplica NoSuchShard \
         NotNeighbours OperationUnderWay Overlap RangeChanged RemovesLeader ReusedId ShardExists SplitKeyOutside StaleEpoch \
         StaleRevision StaleVersion WrongPhase";
    let all: BTreeSet<String> = outcomes.split(' ').chain(refusals.split(' ')).map(String::from).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new());
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
