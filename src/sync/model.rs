//! The published value as loom checks it: one `AtomicPtr`, an acquiring load, an acquiring and releasing exchange, and
//! nothing else. `native.rs` promises at least this much.
//!
//! What was published stays alive until the cell is dropped, since loom's own scheduling stands between a load of the
//! pointer and the counting of the reference, where `arc-swap` has its debts. So the model says nothing of that window,
//! nor of addresses that are used again: threads, Miri and sanitizers on the real `arc-swap` do. A value that only the cell
//! still holds stands for one that was freed.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Arc, LockResult, TryLockError, TryLockResult};
use std::time::Instant;

use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::broken;
use super::publications::Publications;

/// See `native.rs`.
pub(crate) struct Cell<T> {
    current: AtomicPtr<T>,
    /// Every value that was ever published, the newest last. Under a lock that loom does not see, so that it orders nothing:
    /// loom's own would put all publishing threads in one order. Never held while loom may switch threads.
    published: std::sync::Mutex<Vec<Arc<T>>>,
    turn: AtomicUsize,
    publications: Publications,
}

impl<T> Cell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        let current = AtomicPtr::new(Arc::as_ptr(&value).cast_mut());
        let published = std::sync::Mutex::new(vec![value]);
        Self { current, published, turn: AtomicUsize::new(0), publications: Publications::default() }
    }

    pub(crate) fn load(&self) -> impl Deref<Target = Arc<T>> {
        Box::new(self.load_full())
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        self.take_turn();
        // Acquire: pairs with the exchange that published the pointer.
        let ordering = unless_broken!("relaxed_load", Ordering::Acquire);
        let mut current = self.current.load(ordering);
        if self.is_freed(current) {
            // The same, for the newest pointer, which only an exchange is sure to find.
            let refused = self.current.compare_exchange(ptr::null_mut(), ptr::null_mut(), ordering, ordering);
            current = refused.unwrap_or_else(|newest| newest);
        }
        // SAFETY: the pointer is that of an `Arc` in `published`, which keeps it alive as long as the cell.
        unsafe {
            Arc::increment_strong_count(current);
            Arc::from_raw(current)
        }
    }

    /// Precedes every access, for loom to see that their order matters: it remembers the last access to a place only, so that a
    /// writer's load would hide the readers before it from the writer's exchange, and that order would go unexplored.
    fn take_turn(&self) {
        // Relaxed: loom's scheduler cares, and the model must not: it orders nothing.
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether nobody but the cell holds a value that was replaced. A load may find an old value, but none that a writer has
    /// found to be without [`holders`] and let go.
    fn is_freed(&self, value: *const T) -> bool {
        let published = self.published.lock().unwrap();
        let replaced = published.split_last().map_or(&[][..], |(_, replaced)| replaced);
        replaced.iter().any(|old| Arc::as_ptr(old) == value && Arc::strong_count(old) == 1)
    }

    pub(crate) fn renew(&self, value: &mut Arc<T>) {
        *value = self.load_full();
    }

    pub(crate) fn publications(&self) -> &Publications {
        &self.publications
    }

    pub(crate) fn compare_exchange(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        self.publications.count(|| self.exchange(current, new))
    }

    fn exchange(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        self.take_turn();
        let (old, next) = (Arc::as_ptr(current).cast_mut(), Arc::as_ptr(&new).cast_mut());
        // AcqRel: releases the new value to whoever loads it, and acquires the one that it replaces. A failure needs no
        // ordering: the caller loads again.
        let unchanged = if broken("lost_update") {
            self.current.load(Ordering::Acquire) == old && {
                self.current.store(next, Ordering::Release);
                true
            }
        } else {
            let ordering = unless_broken!("relaxed_exchange", Ordering::AcqRel);
            self.current.compare_exchange(old, next, ordering, Ordering::Relaxed).is_ok()
        };
        if unchanged {
            // In time: loom switches threads before an access, and there is none since the exchange.
            self.published.lock().unwrap().push(new);
        }
        unchanged
    }
}

/// See `native.rs`; the cell itself holds every value once.
pub(crate) fn holders<T>(value: &Arc<T>) -> usize {
    Arc::strong_count(value) - 2
}

/// A pointer that some read and others exchange, with a turn before every access, as in [`Cell`]: or else loom would not see that
/// it matters whether who walks over a list reads a link before or after somebody has looked at it and changed it.
pub(crate) struct Link<T> {
    pointer: AtomicPtr<T>,
    turn: AtomicUsize,
}

impl<T> Link<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self { pointer: AtomicPtr::new(pointer), turn: AtomicUsize::new(0) }
    }

    fn at_its_turn(&self) -> &AtomicPtr<T> {
        // Relaxed: see `Cell::take_turn`.
        self.turn.fetch_add(1, Ordering::Relaxed);
        &self.pointer
    }

    pub(crate) fn load(&self, ordering: Ordering) -> *mut T {
        self.at_its_turn().load(ordering)
    }

    pub(crate) fn store(&self, pointer: *mut T, ordering: Ordering) {
        self.at_its_turn().store(pointer, ordering);
    }

    pub(crate) fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.at_its_turn().compare_exchange(current, new, success, failure)
    }
}

/// See `reclaim.rs`; what is retired is freed with the reclaimer, so that nobody can come too late to it. That a node is retired
/// twice is found.
#[derive(Default)]
pub(crate) struct Reclaimer(std::sync::Mutex<Vec<Retired>>);

struct Retired {
    address: usize,
    free: Box<dyn FnOnce()>,
}

// SAFETY: whoever retires promises that it may be dropped on any thread.
unsafe impl Send for Retired {}

pub(crate) struct Pinned<'r>(&'r Reclaimer);

impl Reclaimer {
    pub(crate) fn pin(&self) -> Pinned<'_> {
        Pinned(self)
    }
}

impl Pinned<'_> {
    /// # Safety
    ///
    /// See `reclaim.rs`.
    pub(crate) unsafe fn retire<T: 'static>(&self, node: *mut T) {
        let mut retired = self.0.0.lock().unwrap();
        assert!(retired.iter().all(|other| other.address != node.addr()), "a node is retired twice");
        // SAFETY: as the caller promises.
        let free = Box::new(move || drop(unsafe { Box::from_raw(node) }));
        retired.push(Retired { address: node.addr(), free });
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        for retired in self.0.get_mut().unwrap().drain(..) {
            (retired.free)();
        }
    }
}

/// See `sleep.rs`. Wakes for no reason now and then, as threads do. Has no clock: never gives up.
pub(crate) fn block_on<F: Future>(future: F, _deadline: Option<Instant>) -> Option<F::Output> {
    Some(loom::future::block_on(future))
}

/// Loom's mutex, but that others may try to take it just before it is let go: loom switches threads at accesses only, and to
/// let go is none.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: loom::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.0
            .lock()
            .map(|guard| MutexGuard { mutex: self, guard })
            .map_err(|_| unreachable!("loom poisons nothing"))
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        self.0.try_lock().map(|guard| MutexGuard { mutex: self, guard }).map_err(|_| TryLockError::WouldBlock)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.mutex.0.try_lock().is_err(), "it is still locked");
        }
    }
}
