//! Counting each request for its shard, on the hot path, and which keys are sampled.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use super::counted::Count;
use super::counters::Counters;
use super::intervals::Intervals;
use crate::shard::ShardId;

/// How many requests are kept before they are counted, so that they wait for their counters together, and not each for itself.
/// So few under the model checker that it comes to that.
const RECENT: usize = if cfg!(loom) { 2 } else { 128 };

/// Counts the requests that one thread serves. Made by [`Load::tracker`](super::Load::tracker).
///
/// The last few requests, fewer than 128, are kept in a list before they are counted all at once. Until then they are not told
/// of. A thread that is about to wait for work says so by [`flush`](Self::flush).
pub struct Tracker {
    counters: Counters,
    /// Requests that are not counted yet.
    recent: [(ShardId, u64); RECENT],
    len: usize,
    /// How long the list is when there is something to do: a key is sampled, or the list is full.
    due: usize,
    /// How long the list would be when a key is sampled.
    sampled: usize,
    intervals: Intervals,
}

impl Tracker {
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let (counters, mut intervals) = (Counters::new(shared), Intervals(seed));
        let sampled = intervals.next(counters.every());
        let (recent, due) = ([(ShardId(0), 0); RECENT], sampled.min(RECENT));
        Self { counters, recent, len: 0, due, sampled, intervals }
    }

    /// Counts one request for a key of a shard, about so many bytes. For [`ShardId`]`(u64::MAX)`, which no shard has, nothing is
    /// counted.
    ///
    /// No lock, no line that another thread writes, and no allocation, but for a larger window when there are more shards, and
    /// for the keys that are sampled.
    #[inline]
    pub fn count(&mut self, shard: ShardId, key: impl AsRef<[u8]>, bytes: u64) {
        self.recent[self.len % RECENT] = (shard, bytes);
        self.len += 1;
        if self.len == self.due {
            self.pause(shard, key.as_ref());
        }
    }

    /// Does what is due.
    #[inline(never)]
    fn pause(&mut self, shard: ShardId, key: &[u8]) {
        if self.len == self.sampled {
            self.counters.sample(shard, key);
            self.sampled = self.len.saturating_add(self.intervals.next(self.counters.every()));
        }
        if self.len == RECENT {
            self.flush();
        } else {
            self.due = self.sampled.min(RECENT);
        }
    }

    /// Has the last requests told of, too.
    #[inline(never)]
    pub fn flush(&mut self) {
        self.counters.count(&self.recent[..self.len], |bytes| Count { requests: 1, bytes });
        // The next key that is sampled is not among these, or that would have been done.
        self.sampled = self.sampled.saturating_sub(self.len);
        self.due = self.sampled.min(RECENT);
        self.len = 0;
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.flush();
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").field("shards", &self.counters.used).finish_non_exhaustive()
    }
}
