//! One step as data: what to do, when it happens, and what must hold for it.

use super::{Phase, Progress};
use crate::key::Key;
use crate::node::{Node, NodeStatus};
use crate::shard::{Epoch, Estimates, NodeId, ShardId, ShardRecord, Timestamp};
use crate::table::Memory;

/// One step of a transaction: an [`Action`], and optionally the time at which it happens and what must hold before it.
///
/// ```
/// use shardway::{Change, Epoch, NodeId, ShardId, Timestamp};
///
/// let change = Change::split(ShardId(7), "m").at(Timestamp(1_000)).if_epoch(ShardId(7), Epoch { range: 3, members: 1 });
/// # let _ = change;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Change {
    /// What to do.
    pub action: Action,
    /// When it happens, on the caller's clock: the new `updated` time of the shards concerned, and the `created` time of
    /// shards that come to be. Without it no time moves.
    #[cfg_attr(feature = "serde", serde(default))]
    pub at: Option<Timestamp>,
    /// What must hold, or the change is refused. Checked when the turn of the change comes, after the changes before it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub expect: Vec<Expectation>,
}

/// Something that must hold for a change to be carried out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Expectation {
    /// The table that the transaction started from has this revision.
    Revision(u64),
    /// The record of the shard has this version.
    Version {
        /// The shard.
        shard: ShardId,
        /// Its version.
        version: u64,
    },
    /// The shard has this epoch.
    Epoch {
        /// The shard.
        shard: ShardId,
        /// Its epoch.
        epoch: Epoch,
    },
}

/// Which ids the shards that a split or merge makes go by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Naming {
    /// Fresh ids: no shard goes by a name that it had with another range.
    #[default]
    Fresh,
    /// The lower of the two shards, child or parent, is the one whose id stays.
    KeepLower,
    /// The upper of the two shards, child or parent, is the one whose id stays.
    KeepUpper,
}

/// What a [`Change`] does. Each variant has a constructor on `Change`, which documents it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[allow(missing_docs, reason = "the constructors on `Change` say what each variant and field is")]
#[non_exhaustive]
pub enum Action {
    Register(Box<ShardRecord>),
    Update(Box<ShardRecord>),
    Remove { shard: ShardId },
    Report { shard: ShardId, estimates: Estimates },
    TakeOffline { shard: ShardId },
    BringOnline { shard: ShardId },
    AddReplica { shard: ShardId, node: NodeId },
    RemoveReplica { shard: ShardId, node: NodeId },
    Split { shard: ShardId, at: Key, naming: Naming },
    BeginSplit { shard: ShardId, at: Key, naming: Naming },
    CommitSplit { shard: ShardId },
    AbortSplit { shard: ShardId },
    Merge { shards: (ShardId, ShardId), naming: Naming },
    BeginMerge { shards: (ShardId, ShardId), naming: Naming },
    CommitMerge { shard: ShardId },
    AbortMerge { shard: ShardId },
    Transfer { shard: ShardId, to: NodeId },
    BeginTransfer { shard: ShardId, to: NodeId },
    ReportProgress { shard: ShardId, progress: Progress },
    CommitTransfer { shard: ShardId },
    AbortTransfer { shard: ShardId },
    BeginRelocation { shard: ShardId, from: NodeId, to: NodeId },
    StepRelocation { shard: ShardId, phase: Phase },
    CommitRelocation { shard: ShardId },
    AbortRelocation { shard: ShardId },
    PutNode(Box<Node>),
    SetStatus { node: NodeId, status: NodeStatus },
    ForgetNode { node: NodeId },
    SetMemory(Memory),
}

impl From<Action> for Change {
    fn from(action: Action) -> Self {
        Self { action, at: None, expect: Vec::new() }
    }
}

/// Conditions and time.
impl Change {
    /// The change happens at this time, on the caller's clock.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        Self { at: Some(time), ..self }
    }

    /// Only if the transaction starts from this revision. Refused with [`Error::StaleRevision`](crate::Error).
    #[must_use]
    pub fn if_revision(self, revision: u64) -> Self {
        self.expecting(Expectation::Revision(revision))
    }

    /// Only if the record of `shard` has this version. Refused with [`Error::StaleVersion`](crate::Error).
    #[must_use]
    pub fn if_version(self, shard: ShardId, version: u64) -> Self {
        self.expecting(Expectation::Version { shard, version })
    }

    /// Only if `shard` has this epoch. Refused with [`Error::StaleEpoch`](crate::Error).
    #[must_use]
    pub fn if_epoch(self, shard: ShardId, epoch: Epoch) -> Self {
        self.expecting(Expectation::Epoch { shard, epoch })
    }

    fn expecting(mut self, expectation: Expectation) -> Self {
        self.expect.push(expectation);
        self
    }
}

/// The registry: which shards there are, and what is known of each.
impl Change {
    /// A new shard, as the record describes it, in a part of the keyspace that no shard owns, under an id that no shard
    /// has. An id that may have been used before needs an epoch and a version above those of every shard that is gone, so
    /// that nothing that was seen of the old shard fits the new one. Its state is active or offline.
    #[must_use]
    pub fn register(record: ShardRecord) -> Self {
        Action::Register(Box::new(record)).into()
    }

    /// The record as it is to be, read from a table and changed: replicas, leader, estimates, times, and between active
    /// and offline. Its version and epoch say which state of the shard the caller has seen: stale ones are refused. The
    /// table counts version and epoch on; the range changes by splits and merges only.
    #[must_use]
    pub fn update(record: ShardRecord) -> Self {
        Action::Update(Box::new(record)).into()
    }

    /// The shard is no more, and its range becomes a gap.
    #[must_use]
    pub fn remove(shard: ShardId) -> Self {
        Action::Remove { shard }.into()
    }

    /// New estimates of what the shard holds.
    #[must_use]
    pub fn report(shard: ShardId, estimates: Estimates) -> Self {
        Action::Report { shard, estimates }.into()
    }

    /// The shard serves nothing until it is brought online. Not while an operation is under way.
    #[must_use]
    pub fn take_offline(shard: ShardId) -> Self {
        Action::TakeOffline { shard }.into()
    }

    /// The shard serves again.
    #[must_use]
    pub fn bring_online(shard: ShardId) -> Self {
        Action::BringOnline { shard }.into()
    }

    /// One more node holds a copy.
    #[must_use]
    pub fn add_replica(shard: ShardId, node: NodeId) -> Self {
        Action::AddReplica { shard, node }.into()
    }

    /// A node no longer holds a copy. The leader is moved ([`transfer`](Self::transfer)), never removed.
    #[must_use]
    pub fn remove_replica(shard: ShardId, node: NodeId) -> Self {
        Action::RemoveReplica { shard, node }.into()
    }
}

/// Splits: one shard becomes two neighbours. Leader, replicas and state are carried over, estimates are halved without
/// loss, the children's range epoch is the parent's plus one.
impl Change {
    /// Splits a shard in one step; both children get fresh ids. Fences nothing.
    #[must_use]
    pub fn split(shard: ShardId, at: impl Into<Key>) -> Self {
        Self::split_naming(shard, at, Naming::Fresh)
    }

    /// [`split`](Self::split), with a say in who keeps the parent's id.
    #[must_use]
    pub fn split_naming(shard: ShardId, at: impl Into<Key>, naming: Naming) -> Self {
        Action::Split { shard, at: at.into(), naming }.into()
    }

    /// Begins a split in two phases: writes to the active shard are fenced until commit or abort.
    #[must_use]
    pub fn begin_split(shard: ShardId, at: impl Into<Key>, naming: Naming) -> Self {
        Action::BeginSplit { shard, at: at.into(), naming }.into()
    }

    /// Replaces the shard by its two children, active.
    #[must_use]
    pub fn commit_split(shard: ShardId) -> Self {
        Action::CommitSplit { shard }.into()
    }

    /// The shard stays whole and is active again.
    #[must_use]
    pub fn abort_split(shard: ShardId) -> Self {
        Action::AbortSplit { shard }.into()
    }
}

/// Merges: two neighbours with the same leader, replicas and state become one. Estimates are added, the child's range
/// epoch is the parents' greatest plus one.
impl Change {
    /// Merges two neighbours, given in either order, in one step under a fresh id. Fences nothing.
    #[must_use]
    pub fn merge(one: ShardId, other: ShardId) -> Self {
        Self::merge_naming(one, other, Naming::Fresh)
    }

    /// [`merge`](Self::merge), with a say in whose id is kept.
    #[must_use]
    pub fn merge_naming(one: ShardId, other: ShardId, naming: Naming) -> Self {
        Action::Merge { shards: (one, other), naming }.into()
    }

    /// Begins a merge in two phases: writes to both active shards are fenced until commit or abort.
    #[must_use]
    pub fn begin_merge(one: ShardId, other: ShardId, naming: Naming) -> Self {
        Action::BeginMerge { shards: (one, other), naming }.into()
    }

    /// Replaces both shards by the merged one, active. Named by either of them.
    #[must_use]
    pub fn commit_merge(shard: ShardId) -> Self {
        Action::CommitMerge { shard }.into()
    }

    /// Both shards stay and are active again. Named by either of them.
    #[must_use]
    pub fn abort_merge(shard: ShardId) -> Self {
        Action::AbortMerge { shard }.into()
    }
}

/// Transfers: the leader of a shard moves. A target that is a replica swaps roles with the leader; any other target
/// takes the leader's place, and the old leader holds no copy any more. The members epoch grows by one.
impl Change {
    /// Moves the leader in one step. Fences nothing.
    #[must_use]
    pub fn transfer(shard: ShardId, to: NodeId) -> Self {
        Action::Transfer { shard, to }.into()
    }

    /// Begins a move in two phases: writes to the active shard are fenced until commit or abort.
    #[must_use]
    pub fn begin_transfer(shard: ShardId, to: NodeId) -> Self {
        Action::BeginTransfer { shard, to }.into()
    }

    /// How far the move of a leader or a copy is, for [`Operation::estimated_completion`](crate::Operation::estimated_completion).
    #[must_use]
    pub fn report_progress(shard: ShardId, progress: Progress) -> Self {
        Action::ReportProgress { shard, progress }.into()
    }

    /// The target leads the shard, active.
    #[must_use]
    pub fn commit_transfer(shard: ShardId) -> Self {
        Action::CommitTransfer { shard }.into()
    }

    /// The leader stays and the shard is active again.
    #[must_use]
    pub fn abort_transfer(shard: ShardId) -> Self {
        Action::AbortTransfer { shard }.into()
    }
}

/// Relocations: a copy of a shard, the leader's or a replica's, comes to another node in phases ([`Phase`]), without an outage
/// of reads or writes: see [`Table::write_set`](crate::Table::write_set). The members epoch grows by one with each phase, so a
/// request that was sent under another phase is told so. Take each step, the commit too, only when all who serve the shard know
/// the phase that is, and the one to [`Phase::WriteBothReadNew`] only when the new copy has all that was there before.
impl Change {
    /// The node `to`, which holds no copy, is written to from now on, besides all that hold one.
    #[must_use]
    pub fn begin_relocation(shard: ShardId, from: NodeId, to: NodeId) -> Self {
        Action::BeginRelocation { shard, from, to }.into()
    }

    /// The relocation goes on to a phase, or back to the first, as [`Phase::may_become`] says. To be there already changes
    /// nothing.
    #[must_use]
    pub fn step_relocation(shard: ShardId, phase: Phase) -> Self {
        Action::StepRelocation { shard, phase }.into()
    }

    /// The relocation, which is in its last phase, is over: other operations may begin.
    #[must_use]
    pub fn commit_relocation(shard: ShardId) -> Self {
        Action::CommitRelocation { shard }.into()
    }

    /// The relocation, which is in its first phase, is over, and all is as it was before, but for the epoch.
    #[must_use]
    pub fn abort_relocation(shard: ShardId) -> Self {
        Action::AbortRelocation { shard }.into()
    }
}

/// Nodes, and what the table remembers.
impl Change {
    /// What is known of a node, in the stead of what was known before.
    #[must_use]
    pub fn put_node(node: Node) -> Self {
        Action::PutNode(Box::new(node)).into()
    }

    /// Whether a node serves: seen by the next look-up, however many shards it leads. O(nodes).
    #[must_use]
    pub fn set_status(node: NodeId, status: NodeStatus) -> Self {
        Action::SetStatus { node, status }.into()
    }

    /// The table knows nothing of a node any more, which must hold no shard.
    #[must_use]
    pub fn forget_node(node: NodeId) -> Self {
        Action::ForgetNode { node }.into()
    }

    /// How much the table remembers of shards that are gone: see [`Table::fate`](crate::Table::fate). What is beyond is
    /// forgotten at once and for good.
    #[must_use]
    pub fn set_memory(memory: Memory) -> Self {
        Action::SetMemory(memory).into()
    }
}
