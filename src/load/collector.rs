//! The one who reads what trackers count: what is new in each window, so that nothing is lost and nothing counted twice however
//! they come and go.

use std::sync::Arc;

use super::Stripe;
use super::counted::{Count, Counted};
use super::window::Window;

/// See the module.
#[derive(Default)]
pub(super) struct Collector {
    windows: Vec<Taken>,
    pending: Counted,
}

/// How many shards there may be in what nobody has collected: more are not told apart.
const MOST_PENDING: usize = 1 << 20;

/// A window, and how much of it has been read.
struct Taken {
    window: Arc<Window>,
    /// By the place of the slot.
    seen: Vec<Count>,
    rest_seen: Count,
}

impl Collector {
    /// Reads what these stripes have counted since they were last read. That of those that are gone is whole after this.
    pub(super) fn gather(&mut self, stripes: impl IntoIterator<Item = Arc<Stripe>>, most_samples: usize) {
        for stripe in stripes {
            let fresh = stripe.windows.take_all();
            self.windows.extend(fresh.map(Taken::new));
            let mut samples = stripe.samples.lock();
            let room = most_samples.saturating_sub(self.pending.samples.len());
            self.pending.samples.extend(samples.drain(..).take(room));
        }
        let pending = &mut self.pending;
        self.windows.retain_mut(|taken| {
            // Asked before it is read: then what was counted last is there.
            let is_over = taken.window.is_over.is_set();
            taken.read(pending);
            !is_over
        });
    }

    pub(super) fn take(&mut self) -> Counted {
        std::mem::take(&mut self.pending)
    }
}

impl Taken {
    fn new(window: Arc<Window>) -> Self {
        window.is_read.set();
        Self { seen: vec![Count::default(); window.slots()], window, rest_seen: Count::default() }
    }

    fn read(&mut self, pending: &mut Counted) {
        let (slots, rest) = self.window.read();
        for (place, shard, count) in slots {
            let new = count.since(std::mem::replace(&mut self.seen[place], count));
            if new == Count::default() {
                continue;
            }
            if pending.shards.len() < MOST_PENDING || pending.shards.contains_key(&shard) {
                pending.shards.entry(shard).or_default().add(new);
            } else {
                pending.rest.add(new);
            }
        }
        pending.rest.add(rest.since(std::mem::replace(&mut self.rest_seen, rest)));
    }
}
