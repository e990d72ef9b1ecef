//! What the shards in a part of the tree hold, all together.

use std::iter::Sum;

use crate::shard::{Details, NodeId, Route, ShardRecord};
use crate::table::bits::bit;

/// Sums over some shards, which always fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::table) struct Weight {
    pub(in crate::table) shards: u64,
    pub(in crate::table) keys: u128,
    pub(in crate::table) bytes: u128,
    pub(super) nodes: NodeSets,
}

/// The nodes that lead some shards, and those that hold a copy of one: see [`bit`](crate::table::bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::table) struct NodeSets {
    pub(super) leaders: u64,
    pub(super) holders: u64,
}

impl NodeSets {
    pub(super) fn of(leader: NodeId, replicas: &[NodeId]) -> Self {
        let leaders = bit(leader.0);
        Self { leaders, holders: replicas.iter().fold(leaders, |holders, node| holders | bit(node.0)) }
    }

    #[inline]
    pub(super) fn add(&mut self, more: Self) {
        self.leaders |= more.leaders;
        self.holders |= more.holders;
    }
}

impl Weight {
    pub(super) fn of(route: &Route, details: &Details, replicas: &[NodeId]) -> Self {
        Self { nodes: NodeSets::of(route.leader, replicas), ..Self::of_details(details) }
    }

    /// But for its nodes.
    pub(super) fn of_details(details: &Details) -> Self {
        let (keys, bytes) = (details.estimates.keys.into(), details.estimates.bytes.into());
        Self { shards: 1, keys, bytes, nodes: NodeSets::default() }
    }

    pub(super) fn of_records(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| Self::of(&record.route(), &record.details(), &record.replicas)).sum()
    }

    #[inline]
    pub(super) fn add(&mut self, more: Self) {
        self.shards += more.shards;
        self.keys += more.keys;
        self.bytes += more.bytes;
        self.nodes.add(more.nodes);
    }

    /// Takes the place of what it was when `gone` shards are replaced by `new` ones, and says whether the nodes are surely still
    /// right: one may have been there for a shard that is gone alone.
    #[inline]
    pub(super) fn exchange(&mut self, gone: &Self, new: &Self) -> bool {
        self.shards -= gone.shards;
        self.keys -= gone.keys;
        self.bytes -= gone.bytes;
        self.add(*new);
        let (lost, kept) = (gone.nodes, new.nodes);
        lost.leaders & !kept.leaders == 0 && lost.holders & !kept.holders == 0
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
