//! The other way to publish a value: behind an epoch collector, which frees a replaced one when no reader is pinned in an
//! epoch in which it was published.

#![allow(unsafe_code, reason = "the collector leaves it to its user that what is reachable is alive")]

use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Collector, LocalHandle};

/// Has a collector of its own: in the common one, a pin anywhere in the process would hold back the frees.
pub(crate) struct EpochCell<T> {
    value: Atomic<T>,
    collector: Collector,
}

impl<T> EpochCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Atomic::new(value), collector: Collector::new() }
    }

    /// What one thread reads with.
    pub(crate) fn handle(&self) -> LocalHandle {
        self.collector.register()
    }

    #[inline]
    pub(crate) fn read<R>(&self, handle: &LocalHandle, look: impl FnOnce(&T) -> R) -> R {
        assert!(*handle.collector() == self.collector, "a pin elsewhere protects nothing here");
        let guard = handle.pin();
        let value = self.value.load(Ordering::Acquire, &guard);
        // SAFETY: never null, and nothing is freed before the cell is dropped, which the borrow rules out.
        look(unsafe { value.deref() })
    }
}

impl<T> Drop for EpochCell<T> {
    fn drop(&mut self) {
        let value = std::mem::take(&mut self.value);
        // SAFETY: nobody borrows the cell any more, and nothing else points to the value.
        drop(unsafe { value.into_owned() });
    }
}
