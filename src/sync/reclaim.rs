//! When memory is freed that others may be looking at: after all of them have looked away, by `crossbeam-epoch`. A collector for
//! each owner, so that nobody else's thread that sleeps while it is pinned keeps its garbage; and a guard is held for one walk
//! over a list, never while anybody's code runs or anybody is waited for.

use crossbeam_epoch::{Collector, Guard};

/// See the module.
#[derive(Default)]
pub(crate) struct Reclaimer(Collector);

/// As long as it is there, nothing is freed that was reached under it.
pub(crate) struct Pinned(Guard);

impl Reclaimer {
    /// For those who come seldom: it announces a participant each time.
    pub(crate) fn pin(&self) -> Pinned {
        Pinned(self.0.register().pin())
    }
}

impl Pinned {
    /// Frees a node when all that are pinned now have looked away, on whatever thread.
    ///
    /// # Safety
    ///
    /// It came of a box, no one can get to it any more but those who are pinned under the same reclaimer, it is retired once, and
    /// it may be dropped on any thread.
    pub(crate) unsafe fn retire<T: 'static>(&self, node: *mut T) {
        // SAFETY: as the caller promises.
        unsafe { self.0.defer_unchecked(move || drop(Box::from_raw(node))) };
    }
}
