//! What was counted, as data.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::shard::ShardId;

/// So many requests, and the bytes that their callers said they were about. Sums stop at `u64::MAX`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Count {
    /// Number of requests.
    pub requests: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// What has been added since, where counters count around.
    pub(super) fn since(self, earlier: Self) -> Self {
        let requests = self.requests.wrapping_sub(earlier.requests);
        Self { requests, bytes: self.bytes.wrapping_sub(earlier.bytes) }
    }
}

/// What was counted between two collections: see [`Load::collect`](super::Load::collect).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counted {
    /// What was counted for each shard.
    pub shards: BTreeMap<ShardId, Count>,
    /// Some of the keys, each with the shard that it was counted for: one for about as many requests as
    /// [`Sampling::every`](super::Sampling::every) says.
    pub samples: Vec<(ShardId, Key)>,
    /// How many requests each sampled key stands for.
    pub every: u32,
    /// What was counted for more shards than a tracker tells apart.
    pub rest: Count,
}
