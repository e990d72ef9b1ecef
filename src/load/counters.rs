//! Where one thread counts: its window, the next one when that is full, and its place among all that do. Which requests are
//! counted when is the business of a [`Tracker`](super::Tracker) and of a [`CoarseTracker`](super::CoarseTracker).

use std::sync::Arc;

use super::counted::Count;
use super::window::Window;
use super::{Shared, Stripe};
use crate::key::Key;
use crate::shard::ShardId;
use crate::sync::{Place, broken};

/// A sampled key is cut to so many bytes.
const MOST_BYTES: usize = 1_024;
/// Slots of the first window: so few under the model checker that it comes to the next one.
const FIRST_SLOTS: usize = if cfg!(loom) { 2 } else { 64 };
/// Slots of the largest: 64 MiB.
const MOST_SLOTS: usize = 1 << 21;

/// See the module. When it is dropped, what was counted is told of.
pub(super) struct Counters {
    shared: Arc<Shared>,
    stripe: Arc<Stripe>,
    /// `None` once it has left.
    place: Option<Place<Stripe>>,
    window: Arc<Window>,
    /// How many slots of the window are taken.
    pub(super) used: usize,
}

impl Counters {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let stripe = Arc::new(Stripe::default());
        let window = begin(&stripe, FIRST_SLOTS);
        let place = Some(shared.stripes.enter(Arc::clone(&stripe)));
        Self { shared, stripe, place, window, used: 0 }
    }

    /// One request in about how many has its key sampled.
    pub(super) fn every(&self) -> u32 {
        self.shared.sampling.every
    }

    /// Counts what is in a list, each for a shard.
    pub(super) fn count<T: Copy>(&mut self, list: &[(ShardId, T)], count: impl Fn(T) -> Count) {
        let mut rest = list;
        while let Some((&(shard, what), behind)) = rest[self.window.count(rest, &count)..].split_first() {
            self.enroll(shard, count(what));
            rest = behind;
        }
    }

    /// Counts requests for no shard.
    pub(super) fn add_rest(&mut self, count: Count) {
        self.window.add_rest(count);
    }

    #[cold]
    fn enroll(&mut self, shard: ShardId, count: Count) {
        if self.used == self.window.slots() / 2 {
            // One that was read tells for how many shards there is counting between two collections.
            let slots = match self.window.slots() {
                enough if self.window.is_read.is_set() => enough,
                MOST_SLOTS.. => return self.window.add_rest(count),
                few => few * 2,
            };
            let next = begin(&self.stripe, slots);
            std::mem::replace(&mut self.window, next).is_over.set();
            self.used = 0;
        }
        self.window.enroll(shard, count);
        self.used += 1;
    }

    #[cold]
    pub(super) fn sample(&mut self, shard: ShardId, key: &[u8]) {
        // Who collects has it for a moment: the next sample will do.
        let Some(mut samples) = self.stripe.samples.try_lock() else { return };
        if samples.len() < self.shared.sampling.keep {
            samples.push((shard, Key::from(&key[..key.len().min(MOST_BYTES)])));
        }
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        self.window.is_over.set();
        if !broken("departs_unseen") {
            self.shared.departed.push(Arc::clone(&self.stripe));
        }
        if let Some(place) = self.place.take() {
            self.shared.stripes.leave(place);
        }
        // So that nothing but sums is left, also where nobody ever collects. If somebody is at it, that one or the next has it.
        if let Some(mut collector) = self.shared.collector.try_lock() {
            if !broken("departs_unseen") {
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
