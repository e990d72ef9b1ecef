//! Counting requests in groups, each for the shard of its last one, on the hot path.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use super::counted::Count;
use super::counters::Counters;
use super::intervals::Intervals;
use crate::shard::ShardId;

/// Counts the requests that one thread serves, about so many together. Made by
/// [`Load::coarse_tracker`](super::Load::coarse_tracker).
pub struct CoarseTracker {
    counters: Counters,
    /// About how many requests there are in a group.
    together: u32,
    /// Of the group that is not complete: how many it will have, how many are missing, and the bytes of those that there are.
    size: usize,
    left: usize,
    bytes: u64,
    /// After how many requests a key is sampled, at the end of a group.
    sampled: usize,
    intervals: Intervals,
}

impl CoarseTracker {
    pub(super) fn new(shared: Arc<Shared>, seed: u64, together: u32) -> Self {
        let (counters, mut intervals) = (Counters::new(shared), Intervals(seed));
        let together = together.max(1);
        let (sampled, size) = (intervals.next(counters.every()), intervals.next(together));
        Self { counters, together, size, left: size, bytes: 0, sampled, intervals }
    }

    /// Counts one request for a key of a shard, about so many bytes. For [`ShardId`]`(u64::MAX)`, which no shard has, nothing is
    /// counted.
    ///
    /// Two additions and a branch, but for the last request of a group. No lock, no line that another thread writes, and no
    /// allocation, but for a larger window when there are more shards, and for the keys that are sampled.
    #[inline]
    pub fn count(&mut self, shard: ShardId, key: impl AsRef<[u8]>, bytes: u64) {
        self.bytes = self.bytes.wrapping_add(bytes);
        self.left -= 1;
        if self.left == 0 {
            self.complete(shard, key.as_ref());
        }
    }

    #[inline(never)]
    fn complete(&mut self, shard: ShardId, key: &[u8]) {
        let count = self.begin();
        self.counters.add(shard, count);
        let requests = usize::try_from(count.requests).unwrap_or(usize::MAX);
        match requests.checked_sub(self.sampled) {
            None => self.sampled -= requests,
            Some(late) => {
                self.counters.sample(shard, key);
                // What this one was late the next one is early, as far as groups go.
                self.sampled = self.intervals.next(self.counters.every()).saturating_sub(late).max(1);
            }
        }
    }

    /// Begins another group, and gives what there is of the one before.
    fn begin(&mut self) -> Count {
        let requests = (self.size - self.left) as u64;
        self.size = self.intervals.next(self.together);
        self.left = self.size;
        Count { requests, bytes: std::mem::take(&mut self.bytes) }
    }
}

impl Drop for CoarseTracker {
    /// Of whom the requests were that make no group is not told.
    fn drop(&mut self) {
        let count = self.begin();
        self.counters.add_rest(count);
    }
}

impl fmt::Debug for CoarseTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoarseTracker").field("shards", &self.counters.used).finish_non_exhaustive()
    }
}
