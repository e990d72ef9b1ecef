//! A number that one thread writes and others read: to count costs a load and a store of a line that nobody else writes.

use super::primitive::{AtomicU64, Ordering};

/// See the module. All its accesses are relaxed: a reader sees each value at some time and none that is older than one that it
/// has seen, and nothing else hangs on it. Who must see the last one gets it by what ends the writer.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    /// To be called by the one writer. Counts around at 2^64, so that differences stay right.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// To be called by the one writer.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // Relaxed, both: see the type.
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
