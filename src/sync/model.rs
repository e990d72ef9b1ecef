//! The published value as loom checks it: one `AtomicPtr`, an acquiring load, an acquiring and releasing exchange, and
//! nothing else. `native.rs` promises at least this much.
//!
//! What was published stays alive until the cell is dropped, since loom's own scheduling stands between a load of the
//! pointer and the counting of the reference, where `arc-swap` has its debts. So the model says nothing of that window,
//! nor of addresses that are used again: threads, Miri and sanitizers on the real `arc-swap` do.

use std::ops::Deref;
use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicPtr, Ordering};

/// See `native.rs`.
pub(crate) struct Cell<T> {
    current: AtomicPtr<T>,
    /// Every value that was ever published.
    published: Mutex<Vec<Arc<T>>>,
}

impl<T> Cell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self { current: AtomicPtr::new(Arc::as_ptr(&value).cast_mut()), published: Mutex::new(vec![value]) }
    }

    pub(crate) fn load(&self) -> impl Deref<Target = Arc<T>> {
        Box::new(self.load_full())
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        // Acquire: pairs with the exchange that published the pointer.
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: the pointer is that of an `Arc` in `published`, which keeps it alive as long as the cell.
        unsafe {
            Arc::increment_strong_count(current);
            Arc::from_raw(current)
        }
    }

    pub(crate) fn compare_exchange(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        let (old, next) = (Arc::as_ptr(current).cast_mut(), Arc::as_ptr(&new).cast_mut());
        self.published.lock().unwrap().push(new);
        #[cfg(not(shardway_broken = "lost_update"))]
        {
            // AcqRel: releases the new value to whoever loads it, and acquires the one that it replaces. A failure
            // needs no ordering: the caller loads again.
            self.current.compare_exchange(old, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        }
        #[cfg(shardway_broken = "lost_update")]
        {
            let unchanged = self.current.load(Ordering::Acquire) == old;
            if unchanged {
                self.current.store(next, Ordering::Release);
            }
            unchanged
        }
    }
}

/// See `native.rs`; the cell itself holds every value once.
pub(crate) fn holders<T>(value: &Arc<T>) -> usize {
    Arc::strong_count(value) - 2
}

/// See `native.rs`.
#[derive(Clone)]
pub(crate) struct Follower<S, T> {
    source: S,
    value: Arc<T>,
}

impl<S, T> Follower<S, T>
where
    S: Deref<Target: AsRef<Cell<T>>>,
{
    pub(crate) fn new(source: S) -> Self {
        let value = source.as_ref().load_full();
        Self { source, value }
    }

    pub(crate) fn value(&mut self) -> &Arc<T> {
        let cell = self.source.as_ref();
        // Relaxed, as in `arc-swap`: the pointer is only compared, and the load that follows acquires.
        if cell.current.load(Ordering::Relaxed) != Arc::as_ptr(&self.value).cast_mut() {
            self.value = cell.load_full();
        }
        &self.value
    }
}
