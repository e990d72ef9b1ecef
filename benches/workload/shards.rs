//! Shards that own the whole keyspace together, and a closer look at some of them.

use std::iter::once;

use fastrand::Rng;
use shardway::{Halves, Key, KeyEnd, KeyRange, NodeId, Router, ShardId, ShardRecord, Table};

use super::keys::KeySet;

/// Enough that each holds a part only, few enough that each holds many shards.
const NODES: u64 = 64;
/// So many neighbours, from one that is a multiple on, are on the same nodes: only such ones can be merged.
pub(crate) const ALIKE: usize = 16;

/// So many shards in key order, cut at keys of the set, each with a leader and two replicas.
pub(crate) fn records(keys: KeySet, count: usize) -> Vec<ShardRecord> {
    cut(keys.sorted(count - 1))
}

/// Shards that are cut at keys other than the empty one, which are all different and ascend.
pub(crate) fn cut(cuts: impl IntoIterator<Item = Key>) -> Vec<ShardRecord> {
    let starts: Vec<Key> = once(Key::empty()).chain(cuts).collect();
    let ends = starts.iter().skip(1).cloned().map(KeyEnd::At).chain(once(KeyEnd::Unbounded));
    let homes = (0..).flat_map(|home| [home; ALIKE]);
    let record = |(((start, end), home), id): (((&Key, _), u64), _)| {
        let node = |step| NodeId((home + step) % NODES);
        let range = KeyRange::new(start.clone(), end).expect("keys differ and ascend");
        let mut record = ShardRecord::new(ShardId(id), range, node(0));
        record.replicas = vec![node(1), node(2)];
        record
    };
    starts.iter().zip(ends).zip(homes).zip(1..).map(record).collect()
}

pub(crate) fn table(records: &[ShardRecord]) -> Table {
    Table::from_records(records.iter().cloned()).expect("the records are sound")
}

pub(crate) fn router(records: &[ShardRecord]) -> Router {
    Router::new(table(records))
}

/// The record whose range holds `key`, found without any contender's help.
pub(crate) fn owner<'r>(records: &'r [ShardRecord], key: &[u8]) -> &'r ShardRecord {
    &records[records.partition_point(|record| record.range.start() <= key) - 1]
}

/// A shard that is about to change, again and again, with all that this takes.
pub(crate) struct Target {
    pub(crate) record: ShardRecord,
    pub(crate) start: Key,
    /// Where it can be split.
    pub(crate) middle: Key,
    /// Where its leader can go, and come back from.
    pub(crate) other: NodeId,
    /// What a router has split it into.
    pub(crate) halves: Option<Halves>,
}

impl From<&ShardRecord> for Target {
    fn from(record: &ShardRecord) -> Self {
        let middle = record.range.midpoint().expect("random keys leave room");
        let start = record.range.start().into();
        Self { record: record.clone(), start, middle, other: record.replicas[0], halves: None }
    }
}

/// Different shards in random order, taken in turn.
pub(crate) struct Targets {
    all: Vec<Target>,
    turn: usize,
}

/// At a million shards their paths are far more than the caches hold, and they are still soon set up.
const TARGETS: usize = 1 << 16;

impl Targets {
    pub(crate) fn of(records: &[ShardRecord]) -> Self {
        let mut all: Vec<_> = Rng::with_seed(0).choose_multiple(records, TARGETS);
        Rng::with_seed(1).shuffle(&mut all);
        Self { all: all.into_iter().map(Target::from).collect(), turn: 0 }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> &mut Target {
        self.turn = if self.turn + 1 < self.all.len() { self.turn + 1 } else { 0 };
        &mut self.all[self.turn]
    }

    /// The first ones, of which there are so many or all.
    pub(crate) fn first(&mut self, count: usize) -> &mut [Target] {
        let count = count.min(self.all.len());
        &mut self.all[..count]
    }
}
