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
    /// The nodes that lead one of them, and those that hold a copy: see [`bit`](crate::table::bits).
    pub(super) leaders: u64,
    pub(super) holders: u64,
}

impl Weight {
    pub(super) fn of(route: &Route, details: &Details, replicas: &[NodeId]) -> Self {
        let leaders = bit(route.leader.0);
        let holders = replicas.iter().fold(leaders, |holders, node| holders | bit(node.0));
        let (keys, bytes) = (details.estimates.keys.into(), details.estimates.bytes.into());
        Self { shards: 1, keys, bytes, leaders, holders }
    }

    pub(super) fn of_records(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| Self::of(&record.route(), &record.details(), &record.replicas)).sum()
    }

    #[inline]
    pub(super) fn add(&mut self, more: Self) {
        self.shards += more.shards;
        self.keys += more.keys;
        self.bytes += more.bytes;
        self.leaders |= more.leaders;
        self.holders |= more.holders;
    }

    /// Takes the place of what it was when `gone` shards are replaced by `new` ones, and says whether that could be told: a
    /// bit may have been set for one that is gone alone.
    #[inline]
    pub(super) fn exchange(&mut self, gone: &Self, new: &Self) -> bool {
        let is_kept = gone.leaders & !new.leaders == 0 && gone.holders & !new.holders == 0;
        if is_kept {
            self.shards -= gone.shards;
            self.keys -= gone.keys;
            self.bytes -= gone.bytes;
            self.add(*new);
        }
        is_kept
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
