//! Counting requests in groups, each for the shard of its last one, on the hot path.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use super::counted::Count;
use super::counters::Counters;
use super::intervals::Intervals;
use crate::shard::ShardId;

/// How many groups are kept before they are counted, so that they wait for their counters together.
const COMPLETE: usize = if cfg!(loom) { 2 } else { 16 };
/// So many requests in a group, and twice as many, can be told.
const MOST_TOGETHER: u32 = 1 << 30;

/// Counts the requests that one thread serves, about so many together. Made by
/// [`Load::coarse_tracker`](super::Load::coarse_tracker).
///
/// The last few groups, fewer than 16, are kept in a list before they are counted all at once. Until then they are not told of,
/// and neither are the requests of a group that is not complete. A thread that is about to wait for work says so by
/// [`flush`](Self::flush).
pub struct CoarseTracker {
    counters: Counters,
    /// About how many requests there are in a group.
    together: u32,
    /// Of the group that is not complete: how many it will have, how many are missing, and the bytes of those that there are.
    size: u32,
    /// Narrower than the bytes: compilers put two additions of one width into one of vectors, which takes longer.
    left: u32,
    bytes: u64,
    /// Groups that are not counted yet.
    complete: [(ShardId, Count); COMPLETE],
    len: usize,
    /// After how many requests a key is sampled, at the end of a group.
    sampled: usize,
    intervals: Intervals,
}

impl CoarseTracker {
    pub(super) fn new(shared: Arc<Shared>, seed: u64, together: u32) -> Self {
        let (counters, mut intervals) = (Counters::new(shared), Intervals(seed));
        let together = together.clamp(1, MOST_TOGETHER);
        let (sampled, size) = (intervals.next(counters.every()), group(&mut intervals, together));
        let complete = [(ShardId(0), Count::default()); COMPLETE];
        Self { counters, together, size, left: size, bytes: 0, complete, len: 0, sampled, intervals }
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

    #[cold]
    #[inline(never)]
    fn complete(&mut self, shard: ShardId, key: &[u8]) {
        let count = self.begin();
        self.complete[self.len] = (shard, count);
        self.len += 1;
        if self.len == COMPLETE {
            self.flush();
        }
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

    /// Has the groups that are complete told of, too.
    pub fn flush(&mut self) {
        self.counters.count(&self.complete[..self.len], |count| count);
        self.len = 0;
    }

    /// Begins another group, and gives what there is of the one before.
    fn begin(&mut self) -> Count {
        let requests = u64::from(self.size - self.left);
        self.size = group(&mut self.intervals, self.together);
        self.left = self.size;
        Count { requests, bytes: std::mem::take(&mut self.bytes) }
    }
}

/// How many requests there will be in a group.
fn group(intervals: &mut Intervals, together: u32) -> u32 {
    u32::try_from(intervals.next(together)).unwrap_or(u32::MAX)
}

impl Drop for CoarseTracker {
    /// Of whom the requests were that make no group is not told.
    fn drop(&mut self) {
        self.flush();
        let count = self.begin();
        self.counters.add_rest(count);
    }
}

impl fmt::Debug for CoarseTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoarseTracker").field("shards", &self.counters.used).finish_non_exhaustive()
    }
}
