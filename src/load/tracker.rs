//! Counting, on the hot path: where one thread counts, which of its keys are sampled, and when it begins another window.

use std::fmt;
use std::sync::Arc;

use super::window::Window;
use super::{Shared, Stripe};
use crate::key::Key;
use crate::shard::ShardId;
use crate::sync::Place;

/// A sampled key is cut to so many bytes.
const MOST_BYTES: usize = 1_024;
/// How many requests a tracker keeps before it counts them, where its counters are far.
const RECENT: usize = 32;
/// Slots of the largest window that is near: 128 KiB, which the caches of a core hold.
const NEAR_SLOTS: usize = 1 << 12;
/// Slots of a tracker's first window: so few under the model checker that it comes to the next one.
const FIRST_SLOTS: usize = if cfg!(loom) { 2 } else { 64 };
/// Slots of its largest: 64 MiB.
const MOST_SLOTS: usize = 1 << 21;

/// Counts the requests that one thread serves. Made by [`Load::tracker`](super::Load::tracker).
///
/// Where it counts for so many shards that its counters are far from the processor, the last few requests, fewer than 32, are
/// kept in a list before they are counted all at once: then they wait for memory together, and not each for itself. Until then
/// they are not told of. A thread that is about to wait for work says so by [`flush`](Self::flush).
pub struct Tracker {
    shared: Arc<Shared>,
    stripe: Arc<Stripe>,
    /// `None` once it has left.
    place: Option<Place<Stripe>>,
    window: Arc<Window>,
    /// How many slots of the window are taken.
    used: usize,
    /// Whether requests go by the list.
    is_far: bool,
    /// Requests that are not in the window yet.
    recent: [(ShardId, u64); RECENT],
    len: usize,
    /// Requests to the next one whose key is sampled.
    left: usize,
    random: u64,
}

impl Tracker {
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let stripe = Arc::new(Stripe::default());
        let window = begin(&stripe, FIRST_SLOTS);
        let place = Some(shared.stripes.enter(Arc::clone(&stripe)));
        let mut tracker = Self {
            shared,
            stripe,
            place,
            window,
            used: 0,
            is_far: FIRST_SLOTS > NEAR_SLOTS,
            recent: [(ShardId(0), 0); RECENT],
            len: 0,
            left: 0,
            random: seed,
        };
        tracker.left = tracker.interval();
        tracker
    }

    /// Counts one request for a key of a shard, about so many bytes. For [`ShardId`]`(u64::MAX)`, which no shard has, nothing is
    /// counted.
    ///
    /// No lock, no line that another thread writes, and no allocation, but for a larger window when there are more shards, and
    /// for the keys that are sampled.
    #[inline]
    pub fn count(&mut self, shard: ShardId, key: impl AsRef<[u8]>, bytes: u64) {
        if self.is_far {
            self.keep(shard, bytes);
        } else if !self.window.count(shard, bytes) {
            self.enroll(shard, bytes);
        }
        self.left -= 1;
        if self.left == 0 {
            self.sample(shard, key.as_ref());
        }
    }

    #[inline]
    fn keep(&mut self, shard: ShardId, bytes: u64) {
        self.recent[self.len % RECENT] = (shard, bytes);
        self.len += 1;
        if self.len == RECENT {
            self.flush();
        }
    }

    /// Has the last requests told of, too.
    #[inline(never)]
    pub fn flush(&mut self) {
        let (recent, len) = (self.recent, std::mem::take(&mut self.len));
        for (shard, bytes) in &recent[..len] {
            if !self.window.count(*shard, *bytes) {
                self.enroll(*shard, *bytes);
            }
        }
    }

    #[cold]
    fn enroll(&mut self, shard: ShardId, bytes: u64) {
        if self.used == self.window.slots() / 2 {
            // One that was read tells for how many shards there is counting between two collections.
            let slots = match self.window.slots() {
                enough if self.window.is_read.is_set() => enough,
                MOST_SLOTS.. => return self.window.count_rest(bytes),
                few => few * 2,
            };
            let next = begin(&self.stripe, slots);
            std::mem::replace(&mut self.window, next).is_over.set();
            self.used = 0;
            self.is_far = slots > NEAR_SLOTS;
        }
        self.window.enroll(shard, bytes);
        self.used += 1;
    }

    #[cold]
    fn sample(&mut self, shard: ShardId, key: &[u8]) {
        self.left = self.interval();
        if self.shared.sampling.every == 0 {
            return;
        }
        // Who collects has it for a moment: the next sample will do.
        let Some(mut samples) = self.stripe.samples.try_lock() else { return };
        if samples.len() < self.shared.sampling.keep {
            samples.push((shard, Key::from(&key[..key.len().min(MOST_BYTES)])));
        }
    }

    /// Between one and twice as many as asked for, less one.
    fn interval(&mut self) -> usize {
        if self.shared.sampling.every == 0 {
            return usize::MAX;
        }
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::from(self.shared.sampling.every).saturating_mul(2).saturating_sub(1).max(1);
        usize::try_from(1 + (bits ^ bits >> 31) % most).unwrap_or(usize::MAX)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.flush();
        self.window.is_over.set();
        if !cfg!(shardway_broken = "departs_unseen") {
            self.shared.departed.push(Arc::clone(&self.stripe));
        }
        if let Some(place) = self.place.take() {
            self.shared.stripes.leave(place);
        }
        // So that nothing but sums is left, also where nobody ever collects. If somebody is at it, that one or the next has it.
        if let Some(mut collector) = self.shared.collector.try_lock() {
            if !cfg!(shardway_broken = "departs_unseen") {
                self.shared.gather(&mut collector);
            }
        }
    }
}

/// Has another window for a stripe, and says so to who collects.
fn begin(stripe: &Stripe, slots: usize) -> Arc<Window> {
    let window = Arc::new(Window::new(slots));
    stripe.windows.push(Arc::clone(&window));
    window
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").field("shards", &self.used).finish_non_exhaustive()
    }
}
