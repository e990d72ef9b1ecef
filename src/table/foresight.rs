//! Looking ahead in a transaction. Each change finds its shards by id, then by key, and copies what is around them: in a large
//! table that is to wait for memory again and again. What the next changes will touch is known, and is asked for together.
//!
//! Nothing here alters anything, or says anything of what will be altered.

use arrayvec::ArrayVec;

use super::draft::Draft;
use crate::change::{Action, Change};
use crate::shard::ShardId;

/// How many changes are looked at together.
pub(super) const TOGETHER: usize = 16;

/// With no more shards than these all of them are near.
const FEW: usize = 1 << 14;

/// A change is about two shards at most.
const SHARDS: usize = 2 * TOGETHER;

impl Draft {
    /// Has loaded what these changes, at most [`TOGETHER`], will touch. O(log n) for each.
    pub(super) fn foresee(&self, changes: &[Change]) {
        // One change finds its shard as fast.
        if changes.len() < 2 || self.table.len() <= FEW {
            return;
        }
        let shards: ArrayVec<ShardId, SHARDS> =
            changes.iter().flat_map(|change| shards_of(&change.action)).flatten().take(SHARDS).collect();
        self.table.index.load_ahead(&self.table.ids.get_all(&shards));
        let starts: ArrayVec<&[u8], TOGETHER> =
            changes.iter().filter_map(|change| new_start(&change.action)).take(TOGETHER).collect();
        self.table.index.load_ahead(&starts);
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

/// Where a shard is to start that is there only afterwards.
fn new_start(action: &Action) -> Option<&[u8]> {
    match action {
        Action::Register(record) => Some(record.range.start()),
        _ => None,
    }
}
