//! How busy shards are. A [`tracker`] counts, on the hot path, or a [`coarse`] one, with [`counters`] in a [`window`] that a
//! [`collector`] reads, and at [`intervals`] keys are sampled; what they share is here; what is made of it is pure: [`rates`] over
//! time, [`sample`] of keys, and the [`advisor`], whose [`advice`] is what to split, merge and move.

mod advice;
mod advisor;
mod coarse;
mod collector;
mod counted;
mod counters;
mod intervals;
mod rates;
mod sample;
mod tracker;
mod window;

use std::fmt;
use std::sync::Arc;

use crate::key::Key;
use crate::shard::ShardId;
use crate::sync::{Lock, Registry, Stack};
use collector::Collector;
use window::Window;

pub use advice::{Advice, Thresholds};
pub use advisor::Advisor;
pub use coarse::CoarseTracker;
pub use counted::{Count, Counted};
pub use rates::{Rate, Rates};
pub use tracker::Tracker;

/// Counts the requests and bytes of each shard: share it, give each thread a [`Tracker`] beside its
/// [`Reader`](crate::Reader), and [`collect`](Self::collect) now and then.
///
/// Each tracker counts where no other thread writes; who collects reads all of them, and they don't notice. So a request costs
/// a line in a list, and later, beside others, a look into a small table of the thread's own and two additions. A handle; clones
/// share all.
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

impl Load {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(sampling: Sampling) -> Self {
        Self(Arc::new(Shared { sampling, ..Shared::default() }))
    }

    /// A handle to count with, for one thread. It samples in an order that the seed gives: let each have another one.
    ///
    /// It takes 4 KiB at first, and 32 bytes for each slot when it counts for more shards: twice as many slots as shards that it
    /// meets between two collections, up to 2,097,152. Of more than half as many shards it tells no more than how much was counted
    /// for all others together. When it is dropped, what it counted is not lost.
    #[must_use]
    pub fn tracker(&self, seed: u64) -> Tracker {
        Tracker::new(Arc::clone(&self.0), seed)
    }

    /// A [`tracker`](Self::tracker) that counts requests in groups of about `together`, at sizes that vary at random, each group
    /// for the shard of its last request. Its price is the same for any number of shards, where a tracker that counts each request
    /// for its shard pays a miss of its caches for each, once there are more shards than these have counters for. In groups of 256
    /// that is at most 2 ns a request, where the other takes about 2 up to 1,000 shards, and more beyond (`cargo bench --bench peers`).
    ///
    /// No request is lost: all shards together have as many as there were. What one shard has is right in the mean, and off by about
    /// `√(requests × together)` of its own: of 1,000,000 requests in groups of 64, less than one in a hundred. So it tells hot
    /// shards from others, and little of shards with few requests. The last requests of a tracker that is dropped, fewer than a group,
    /// are counted for no shard ([`Counted::rest`]). More than 2³⁰ are not put together.
    ///
    /// ```
    /// use shardway::{Load, ShardId};
    ///
    /// let load = Load::default();
    /// let mut tracker = load.coarse_tracker(1, 64);
    /// (0..100_000).for_each(|request| tracker.count(ShardId(request % 2), "key", 10));
    /// drop(tracker);
    ///
    /// let counted = load.collect();
    /// let requests = |shard| counted.shards[&ShardId(shard)].requests;
    /// assert_eq!(requests(0) + requests(1) + counted.rest.requests, 100_000);
    /// assert!(requests(0).abs_diff(50_000) < 10_000);
    /// ```
    #[must_use]
    pub fn coarse_tracker(&self, seed: u64, together: u32) -> CoarseTracker {
        CoarseTracker::new(Arc::clone(&self.0), seed, together)
    }

    /// What all trackers have counted since the last time, also those that are gone meanwhile, but for the last few requests of
    /// each ([`Tracker::flush`], [`CoarseTracker::flush`]). Who counts at this very moment is heard of now or the next time, and never twice: of several who
    /// collect, each hears of another part.
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

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load").field("sampling", &self.0.sampling).finish_non_exhaustive()
    }
}
