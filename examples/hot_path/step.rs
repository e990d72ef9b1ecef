//! What writers do, as data: one step, at once or in two phases, and how it may be refused. Which steps are worth taking is
//! in [`crate::plan`].

use shardway::{Change, Error, Key, Naming, NodeId, ShardId, ShardState};

/// What a writer does to a layout.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Split { shard: ShardId, at: Key },
    Merge { lower: ShardId, upper: ShardId },
    Transfer { shard: ShardId, to: NodeId },
}

/// A step is done at once, or begun and later committed: in between, its shards take no writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    AtOnce,
    Begin,
    Commit,
}

/// Why a step was not carried out.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Whether a writer had to expect that, since it planned on what it saw a moment ago while others were at work, or
    /// tried a merge of shards that do not match.
    pub(crate) expected: bool,
    pub(crate) why: String,
}

impl Step {
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        match self {
            Self::Split { shard, .. } | Self::Transfer { shard, .. } => vec![*shard],
            Self::Merge { lower, upper } => vec![*lower, *upper],
        }
    }

    /// The state of its shards between begin and commit.
    pub(crate) fn fence(&self) -> ShardState {
        match self {
            Self::Split { .. } => ShardState::Splitting,
            Self::Merge { .. } => ShardState::Merging,
            Self::Transfer { .. } => ShardState::Transferring,
        }
    }

    /// The same in the words of shardway.
    pub(crate) fn to_change(&self, phase: Phase) -> Change {
        match (self, phase) {
            (Self::Split { shard, at }, Phase::AtOnce) => Change::split(*shard, at),
            (Self::Split { shard, at }, Phase::Begin) => Change::begin_split(*shard, at, Naming::Fresh),
            (Self::Split { shard, .. }, Phase::Commit) => Change::commit_split(*shard),
            (Self::Merge { lower, upper }, Phase::AtOnce) => Change::merge(*lower, *upper),
            (Self::Merge { lower, upper }, Phase::Begin) => {
                Change::begin_merge(*lower, *upper, Naming::Fresh)
            }
            (Self::Merge { lower, .. }, Phase::Commit) => Change::commit_merge(*lower),
            (Self::Transfer { shard, to }, Phase::AtOnce) => Change::transfer(*shard, *to),
            (Self::Transfer { shard, to }, Phase::Begin) => Change::begin_transfer(*shard, *to),
            (Self::Transfer { shard, .. }, Phase::Commit) => Change::commit_transfer(*shard),
        }
    }
}

impl Refused {
    pub(crate) fn expected(why: impl Into<String>) -> Self {
        Self { expected: true, why: why.into() }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let cause = error.into_cause();
        let expected = matches!(
            cause,
            Error::NoSuchShard { .. }
                | Error::NotNeighbours { .. }
                | Error::DifferentLeaders { .. }
                | Error::DifferentReplicas { .. }
                | Error::DifferentStates { .. }
                | Error::AlreadyLeader { .. }
                | Error::OperationUnderWay { .. }
        );
        Self { expected, why: cause.to_string() }
    }
}
