//! What the shards in a part of the tree hold, all together.

use std::iter::Sum;

use crate::shard::{Facts, NodeId};

/// Sums over some shards; what does not fit stays at the greatest number there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::table) struct Weight {
    pub(in crate::table) shards: u64,
    pub(in crate::table) keys: u64,
    pub(in crate::table) bytes: u64,
    /// The nodes that lead one of them, and those that hold a copy: see [`bit`].
    pub(in crate::table) leaders: u64,
    pub(in crate::table) holders: u64,
}

/// The bit that stands for a node. Several nodes share one, so a bit that is set says only that it is worth a look.
pub(in crate::table) fn bit(node: NodeId) -> u64 {
    1 << (node.0 % u64::from(u64::BITS))
}

impl Weight {
    pub(super) fn of(facts: &Facts, replicas: &[NodeId]) -> Self {
        let leaders = bit(facts.route.leader);
        let holders = replicas.iter().fold(leaders, |holders, node| holders | bit(*node));
        Self { shards: 1, keys: facts.estimates.keys, bytes: facts.estimates.bytes, leaders, holders }
    }

    #[inline]
    pub(super) fn add(&mut self, more: Self) {
        self.shards = self.shards.saturating_add(more.shards);
        self.keys = self.keys.saturating_add(more.keys);
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.leaders |= more.leaders;
        self.holders |= more.holders;
    }
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::default(), |mut sum, more| {
            sum.add(more);
            sum
        })
    }
}
