//! Looking ahead in a transaction. Each change finds its shards by id, then by key, and copies what is around them: in a large
//! table that is to wait for memory again and again. What the next changes will touch is known, and is asked for together. What
//! one alone will copy is asked for when its shard is found, and comes while the rest is worked out.
//!
//! Nothing here alters anything, or says anything of what will be altered.

use arrayvec::ArrayVec;

use super::Table;
use super::draft::Draft;
use super::prefetch::prefetch_all;
use crate::change::{Action, Change};
use crate::key::Key;
use crate::shard::{Shard, ShardId};

/// How many changes are looked at together.
pub(super) const TOGETHER: usize = 16;

/// With no more shards than these all of them are near.
const FEW: usize = 1 << 14;

/// A change is about two shards at most.
const SHARDS: usize = 2 * TOGETHER;

impl Draft<'_> {
    /// Has loaded what these changes, at most [`TOGETHER`], will touch. O(log n) for each.
    pub(super) fn foresee(&mut self, changes: &[Change]) {
        self.table.lineage.load_ahead();
        let is_large = self.table.len() > FEW;
        self.asks = is_large && changes.len() == 1;
        // One change finds its shard as fast.
        if self.asks || !is_large {
            return;
        }
        changes
            .iter()
            .filter_map(|change| new_key(&change.action))
            .for_each(|key| prefetch_all(key.as_bytes()));
        let shards: ArrayVec<ShardId, SHARDS> =
            changes.iter().flat_map(|change| shards_of(&change.action)).flatten().take(SHARDS).collect();
        self.table.index.load_ahead(&self.table.ids.get_all(&shards));
        let starts: ArrayVec<&[u8], TOGETHER> =
            changes.iter().filter_map(|change| new_start(&change.action)).take(TOGETHER).collect();
        self.table.index.load_ahead(&starts);
    }

    /// A shard that is to be changed.
    pub(super) fn find(&self, shard: ShardId) -> Option<Shard<'_>> {
        let Table { index, ids, .. } = &*self.table;
        if self.asks { index.get_to_change(ids.get(shard)?) } else { self.table.shard(shard) }
    }
}

/// The shards that are there before.
fn shards_of(action: &Action) -> [Option<ShardId>; 2] {
    match action {
        Action::Register(_)
        | Action::PutNode(_)
        | Action::SetStatus { .. }
        | Action::ForgetNode { .. }
        | Action::SetMemory(_) => [None; 2],
        Action::Update(record) => [Some(record.id), None],
        Action::Merge { shards: (one, other), .. } | Action::BeginMerge { shards: (one, other), .. } => {
            [Some(*one), Some(*other)]
        }
        Action::Remove { shard }
        | Action::Report { shard, .. }
        | Action::TakeOffline { shard }
        | Action::BringOnline { shard }
        | Action::AddReplica { shard, .. }
        | Action::RemoveReplica { shard, .. }
        | Action::Split { shard, .. }
        | Action::BeginSplit { shard, .. }
        | Action::CommitSplit { shard }
        | Action::AbortSplit { shard }
        | Action::CommitMerge { shard }
        | Action::AbortMerge { shard }
        | Action::Transfer { shard, .. }
        | Action::BeginTransfer { shard, .. }
        | Action::ReportProgress { shard, .. }
        | Action::CommitTransfer { shard }
        | Action::AbortTransfer { shard }
        | Action::BeginRelocation { shard, .. }
        | Action::StepRelocation { shard, .. }
        | Action::CommitRelocation { shard }
        | Action::AbortRelocation { shard } => [Some(*shard), None],
    }
}

/// A key that comes with the change, and that its caller may not have looked at for long.
fn new_key(action: &Action) -> Option<&Key> {
    match action {
        Action::Split { at, .. } | Action::BeginSplit { at, .. } => Some(at),
        _ => None,
    }
}

/// Where a shard is to start that is there only afterwards.
fn new_start(action: &Action) -> Option<&[u8]> {
    match action {
        Action::Register(record) => Some(record.range.start()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, KeyRange};
    use crate::shard::{Estimates, NodeId, ShardRecord};

    fn key(number: u32) -> Key {
        number.to_be_bytes().into()
    }

    #[test]
    #[cfg_attr(miri, ignore = "nothing is asked for unless the table is large")]
    fn a_change_alone_does_what_it_does_among_others() {
        let count = u32::try_from(FEW).unwrap() + 1_000;
        let record = |number| {
            let range = KeyRange::try_from(key(4 * number)..key(4 * number + 4)).unwrap();
            ShardRecord::new(ShardId(u64::from(number)), range, NodeId(1))
        };
        let table = Table::from_records((0..count).map(record)).unwrap();
        // It is there already, and makes no difference but company.
        let again = Change::put_node(crate::Node::new(NodeId(9), "somewhere"));
        let (table, _) = table.apply(std::slice::from_ref(&again)).unwrap();
        let estimates = Estimates { keys: 7, bytes: 7 };
        for number in [0, 4_711, count - 2] {
            let shard = ShardId(u64::from(number));
            let changes = [
                Change::split(shard, key(4 * number + 1)),
                Change::merge(shard, ShardId(shard.0 + 1)),
                Change::remove(shard),
                Change::transfer(shard, NodeId(2)),
                Change::report(shard, estimates),
                Change::split(ShardId(u64::from(count) + 1), key(4 * number + 1)),
                Change::split(shard, key(4 * number + 4)),
            ];
            for change in changes {
                let alone = table.apply(std::slice::from_ref(&change));
                let among = table.apply(&[change, again.clone()]);
                match (alone, among) {
                    (Ok((alone, done)), Ok((among, both))) => {
                        assert!(alone == among && done.outcomes[0] == both.outcomes[0]);
                    }
                    (alone, among) => assert_eq!(alone.unwrap_err(), among.unwrap_err()),
                }
            }
        }
    }
}
