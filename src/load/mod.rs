//! How busy shards are. Counting, on the hot path, is here, with [`window`] as the place where a thread counts and [`collector`]
//! as who reads it; what is made of it is pure: [`rates`] over time, [`sample`] of keys, and [`advice`] on what to split, merge and
//! move.

mod advice;
mod collector;
mod counted;
mod rates;
mod sample;
mod window;

use std::fmt;
use std::sync::Arc;

use crate::key::Key;
use crate::shard::ShardId;
use crate::sync::{Lock, Place, Registry, Stack};
use collector::Collector;
use window::Window;

pub use advice::{Advice, Advisor, Thresholds};
pub use counted::{Count, Counted};
pub use rates::{Rate, Rates};

/// Counts the requests and bytes of each shard: share it, give each thread a [`Tracker`] beside its
/// [`Reader`](crate::Reader), and [`collect`](Self::collect) now and then.
///
/// Each tracker counts where no other thread writes; who collects reads all of them, and they don't notice. So a request costs
/// a look into a small table of the thread's own, and two additions. A handle; clones share all.
///
/// ```
/// use shardway::{Load, NodeId, Router};
///
/// let router = Router::whole(NodeId(1));
/// let load = Load::default();
///
/// // In each thread.
/// let (mut reader, mut tracker) = (router.reader(), load.tracker(1));
/// for key in ["user/4711", "user/5000"] {
///     let route = reader.resolve(key)?;
///     tracker.count(route.shard, key, 128); // this request is about 128 bytes
/// }
/// tracker.flush(); // before it waits for the next one
///
/// // Somewhere, now and then.
/// let counted = load.collect();
/// let shard = router.resolve("")?.shard;
/// assert_eq!((counted.shards[&shard].requests, counted.shards[&shard].bytes), (2, 256));
/// assert!(load.collect().shards.is_empty(), "nothing is told twice");
/// # Ok::<(), shardway::Refusal>(())
/// ```
#[derive(Clone, Default)]
pub struct Load(Arc<Shared>);

#[derive(Default)]
struct Shared {
    sampling: Sampling,
    stripes: Registry<Stripe>,
    /// Of trackers that are gone, until somebody reads them.
    departed: Stack<Arc<Stripe>>,
    collector: Lock<Collector>,
}

/// What one tracker shares with who collects.
#[derive(Default)]
struct Stripe {
    /// Windows that nobody has taken note of.
    windows: Stack<Arc<Window>>,
    samples: Lock<Vec<(ShardId, Key)>>,
}

/// Which keys are remembered, to find out where in its shards the load is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sampling {
    /// One request in about so many, at intervals that vary at random, so that no rhythm of requests hides from it; none, if
    /// zero.
    pub every: u32,
    /// How many at most between two collections, of each tracker, and of all together so many as 64 of them: later ones are
    /// left out.
    pub keep: usize,
}

impl Default for Sampling {
    /// One in 256, and 1,024 of each tracker.
    fn default() -> Self {
        Self { every: 256, keep: 1_024 }
    }
}

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

impl Load {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(sampling: Sampling) -> Self {
        Self(Arc::new(Shared { sampling, ..Shared::default() }))
    }

    /// A handle to count with, for one thread. It samples in an order that the seed gives: let each have another one.
    ///
    /// It takes 2 KiB at first, and 32 bytes for each slot when it counts for more shards: twice as many slots as shards that it
    /// meets between two collections, up to 2,097,152. Of more than half as many shards it tells no more than how much was counted
    /// for all others together. When it is dropped, what it counted is not lost.
    #[must_use]
    pub fn tracker(&self, seed: u64) -> Tracker {
        let stripe = Arc::new(Stripe::default());
        let window = begin(&stripe, FIRST_SLOTS);
        let place = Some(self.0.stripes.enter(Arc::clone(&stripe)));
        let mut tracker = Tracker {
            shared: Arc::clone(&self.0),
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

    /// What all trackers have counted since the last time, also those that are gone meanwhile, but for the last few requests of
    /// each ([`Tracker::flush`]). Who counts at this very moment is heard of now or the next time, and never twice: of several who collect, each hears of another part.
    ///
    /// O(slots of all trackers). Takes a lock that only those take who collect, or drop a tracker.
    #[must_use]
    pub fn collect(&self) -> Counted {
        let mut collector = self.0.collector.lock();
        self.0.gather(&mut collector);
        Counted { every: self.0.sampling.every, ..collector.take() }
    }
}

impl Shared {
    fn gather(&self, collector: &mut Collector) {
        let stripes = self.departed.take_all().chain(self.stripes.list());
        collector.gather(stripes, self.sampling.keep.saturating_mul(64));
    }
}

/// Has another window for a stripe, and says so to who collects.
fn begin(stripe: &Stripe, slots: usize) -> Arc<Window> {
    let window = Arc::new(Window::new(slots));
    stripe.windows.push(Arc::clone(&window));
    window
}

/// Counts the requests that one thread serves. Made by [`Load::tracker`].
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
    /// Slots of the window that are.
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

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load").field("sampling", &self.0.sampling).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").field("shards", &self.used).finish_non_exhaustive()
    }
}
