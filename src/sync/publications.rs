//! Counting what is published, so that one load tells a reader whether anything can be new.

use super::broken;
use super::primitive::{AtomicU64, Ordering};

/// How many publications have begun, and how many of these are over. Neither comes round: a thousand million a second would take
/// five hundred years.
#[derive(Debug, Default)]
pub(crate) struct Publications {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A number of publications, of which a reader has what the last one published. The default is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Default for Seen {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Publications {
    /// Publishes. It is said before anybody can find what is published: whoever has found it, in whatever way, or was told of it,
    /// finds that [`nothing_is_new`](Self::nothing_is_new) no longer holds.
    pub(crate) fn count<R>(&self, publish: impl FnOnce() -> R) -> R {
        if broken("begun_after_publish") {
            let result = publish();
            self.begun.fetch_add(1, Ordering::Relaxed);
            self.ended.fetch_add(1, Ordering::Release);
            return result;
        }
        // Relaxed: who acquires what is published acquires this with it, since publishing releases.
        self.begun.fetch_add(1, Ordering::Relaxed);
        let result = publish();
        // Release: pairs with the load in `settled`.
        self.ended.fetch_add(1, unless_broken!("relaxed_ended", Ordering::Release));
        result
    }

    /// Whether nothing was published since, nor is about to be.
    #[inline(always)]
    pub(crate) fn nothing_is_new(&self, seen: Seen) -> bool {
        // Relaxed: nothing is read but what was there. That it finds what `count` said first is a matter of this place alone.
        self.begun.load(Ordering::Relaxed) == seen.0
    }

    /// To be asked before what is published is looked at: the number that this will then be at least as new as. None, if a publication
    /// is under way: it may be looked at too early to find that one.
    pub(crate) fn settled(&self) -> Seen {
        // Acquire: pairs with all additions up to this one, each of which continues the releases before it. So what comes next finds
        // what these published; and that all of them have begun, as many of those that have begun as are over.
        let ended = self.ended.load(unless_broken!("relaxed_settled", Ordering::Acquire));
        // Relaxed: nothing else is read by it.
        let begun = self.begun.load(Ordering::Relaxed);
        if begun == ended || broken("settled_too_early") { Seen(begun) } else { Seen::default() }
    }
}
