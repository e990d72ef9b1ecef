//! What to do about shards that are busy or idle, as data with its reasons. When it is time to say so is for [`super::advisor`].

use std::fmt;
use std::time::Duration;

use super::rates::Rate;
use crate::change::Change;
use crate::key::Key;
use crate::shard::{Epoch, Estimates, NodeId, ShardId};

/// When a shard is busy or idle, and how long it has to be.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Thresholds {
    /// A shard with more requests or more bytes a second than this is hot, and to be split.
    pub hot: Rate,
    /// Two neighbours with fewer requests and fewer bytes a second than this, together, are cold, and to be merged. At most half
    /// of what is hot, so that no merge makes a shard that is to be split again, and no split two that are to be merged.
    pub cold: Rate,
    /// No merge makes a shard that is thought to hold more than this.
    pub largest: Estimates,
    /// A node with more requests a second than the mean of all, times this, is too busy, and the leader of one of its shards is to
    /// move. At least one; where it is infinite, no leader moves.
    pub imbalance: f64,
    /// How long it has to be so, at each look in between.
    pub patience: Duration,
    /// How long keys that something was said of are left alone.
    pub rest: Duration,
    /// How many pieces of advice are given at a time, the most urgent first.
    pub most: usize,
}

/// What to do, why, and what is expected to come of it. As text it is a sentence for whoever decides.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Advice {
    /// A shard is hot.
    Split {
        /// The shard.
        shard: ShardId,
        /// The epoch in which this was found.
        epoch: Epoch,
        /// Where its load is halved.
        at: Key,
        /// Its load.
        rate: Rate,
        /// What either part is expected to have.
        halves: (Rate, Rate),
        /// How long it has been hot.
        lasting: Duration,
    },
    /// Two neighbours are cold.
    Merge {
        /// Both, with the epochs in which this was found.
        shards: [(ShardId, Epoch); 2],
        /// Their load together.
        rate: Rate,
        /// How long they have been cold.
        lasting: Duration,
    },
    /// A node is too busy.
    MoveLeader {
        /// A shard that it leads.
        shard: ShardId,
        /// The epoch in which this was found.
        epoch: Epoch,
        /// The node.
        from: NodeId,
        /// A node with a copy of the shard.
        to: NodeId,
        /// The load of the shard.
        rate: Rate,
        /// The load of both nodes as it is.
        nodes: (Rate, Rate),
        /// How long the node has been too busy.
        lasting: Duration,
    },
}

impl Advice {
    /// The change that is advised, if the shards are still as they were found: as it is, or to be made one of two phases.
    #[must_use]
    pub fn change(&self) -> Change {
        match self {
            Self::Split { shard, epoch, at, .. } => Change::split(*shard, at).if_epoch(*shard, *epoch),
            Self::Merge { shards: [(lower, lower_epoch), (upper, upper_epoch)], .. } => {
                Change::merge(*lower, *upper).if_epoch(*lower, *lower_epoch).if_epoch(*upper, *upper_epoch)
            }
            Self::MoveLeader { shard, epoch, to, .. } => {
                Change::transfer(*shard, *to).if_epoch(*shard, *epoch)
            }
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} requests/s and {:.0} bytes/s", self.requests, self.bytes)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Split { shard, at, rate, halves: (lower, upper), lasting, .. } => write!(
                f,
                "split {shard} at {at:?}: hot for {lasting:?}, with {rate}; of its requests, {:.0}/s are below and {:.0}/s are above",
                lower.requests, upper.requests
            ),
            Self::Merge { shards: [(lower, _), (upper, _)], rate, lasting } => {
                write!(f, "merge {lower} and {upper}: cold for {lasting:?}, together with {rate}")
            }
            Self::MoveLeader { shard, from, to, rate, nodes: (busy, idle), lasting, .. } => write!(
                f,
                "move the leader of {shard}, with {:.0} requests/s, from {from} to {to}: too busy for {lasting:?}, with \
                 {:.0} requests/s against {:.0}",
                rate.requests, busy.requests, idle.requests
            ),
        }
    }
}
