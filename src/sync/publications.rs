//! Counting what is published, so that one load tells a reader whether anything can be new. As the sequence of a sequence lock, but
//! that several may write at once, and that nobody waits.

use super::broken;
use super::primitive::{AtomicU64, Ordering};

/// How many publications have begun, and in the lowest bits how many of them are not over. More than fit there would have to be under
/// way in one moment; and to miss one, a reader would have to sleep until exactly as many have gone by as fit above: ninety years
/// of a hundred in each millisecond.
#[derive(Debug, Default)]
pub(crate) struct Publications(AtomicU64);

const UNDER_WAY: u64 = (1 << 16) - 1;
const BEGIN: u64 = UNDER_WAY + 1 + END;
const END: u64 = 1;

/// The publications that a reader has seen the last one of. The default are none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u64);

impl Default for Seen {
    fn default() -> Self {
        Self(UNDER_WAY)
    }
}

impl Publications {
    /// Publishes. That it begins is said before anybody can find what is published: whoever has found it, in whatever way, or was told
    /// of it, finds that there [`is_nothing_new`](Self::is_nothing_new) no more.
    pub(crate) fn count<R>(&self, publish: impl FnOnce() -> R) -> R {
        // Relaxed: who acquires what is published acquires this with it, since publishing releases.
        let begin = || self.0.fetch_add(BEGIN, Ordering::Relaxed);
        if !broken("begun_after_publish") {
            begin();
        }
        let result = publish();
        if broken("begun_after_publish") {
            begin();
        }
        // Release: pairs with the load in `settled`.
        self.0.fetch_sub(END, unless_broken!("relaxed_end_of_publish", Ordering::Release));
        result
    }

    /// Whether nothing was published since, nor is being published.
    #[inline(always)]
    pub(crate) fn is_nothing_new(&self, seen: Seen) -> bool {
        // Relaxed: the reader goes on with what it has acquired before. That it finds what `count` says first is a matter of this
        // place alone.
        self.0.load(Ordering::Relaxed) == seen.0
    }

    /// To be asked before what is published is looked at, which is then at least as new as this says. None, if a publication is under
    /// way: that one may be looked for too early.
    pub(crate) fn settled(&self) -> Seen {
        // Acquire: pairs with the end of every publication up to this one, since all that change this continue what was released
        // before. So what these published is found.
        let now = self.0.load(unless_broken!("relaxed_settled", Ordering::Acquire));
        if now & UNDER_WAY == 0 || broken("settled_too_early") { Seen(now) } else { Seen::default() }
    }
}
