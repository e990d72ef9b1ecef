//! What came of a transaction.

use super::{OperationKind, Phase};
use crate::shard::{NodeId, ShardId};

/// What one change did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The table was already so.
    Unchanged,
    /// A shard was registered.
    Registered {
        /// Its id.
        shard: ShardId,
    },
    /// The record of a shard changed.
    Updated {
        /// Its id.
        shard: ShardId,
        /// The version of its record now.
        version: u64,
    },
    /// A shard was removed.
    Removed {
        /// The id that it had.
        shard: ShardId,
    },
    /// A shard was replaced by two.
    Split(Halves),
    /// Two shards were replaced by one.
    Merged {
        /// The shard that had the lower range.
        lower: ShardId,
        /// The shard that had the upper range.
        upper: ShardId,
        /// The shard that has both.
        into: ShardId,
    },
    /// A shard has another leader.
    Transferred {
        /// The shard.
        shard: ShardId,
        /// The node that led it.
        from: NodeId,
        /// The node that leads it.
        to: NodeId,
    },
    /// An operation in two phases began.
    Began {
        /// What it is.
        kind: OperationKind,
        /// The shard that it is on; of a merge, the lower one.
        shard: ShardId,
    },
    /// A transfer or relocation reported progress.
    Progressed {
        /// The shard that moves.
        shard: ShardId,
    },
    /// A relocation is in another phase.
    Stepped {
        /// The shard.
        shard: ShardId,
        /// The phase that it is in now.
        phase: Phase,
    },
    /// A copy of a shard is on another node.
    Relocated {
        /// The shard.
        shard: ShardId,
        /// The node that had it.
        from: NodeId,
        /// The node that has it.
        to: NodeId,
    },
    /// An operation ended without effect.
    Aborted {
        /// What it was.
        kind: OperationKind,
        /// The shard that it was on; of a merge, the lower one.
        shard: ShardId,
    },
    /// Something new is known of a node.
    NodeKnown {
        /// Its id.
        node: NodeId,
    },
    /// Nothing is known of a node any more.
    NodeForgotten {
        /// Its id.
        node: NodeId,
    },
    /// The table remembers more, or less, of shards that are gone.
    MemorySet,
}

/// The two shards that replaced one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Halves {
    /// The shard that was.
    pub parent: ShardId,
    /// The child with the lower range.
    pub lower: ShardId,
    /// The child with the upper range.
    pub upper: ShardId,
}

/// What a transaction did: one [`Outcome`] for each change, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The revision of the table that the changes were applied to.
    pub base: u64,
    /// The revision of the table that came of it: one more than `base`, or the same if nothing was altered.
    pub revision: u64,
    /// What each change did.
    pub outcomes: Vec<Outcome>,
}

impl Summary {
    /// Whether the transaction altered anything, and so made a new revision.
    #[must_use]
    pub fn altered(&self) -> bool {
        self.revision != self.base
    }
}
