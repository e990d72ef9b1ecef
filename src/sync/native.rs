//! The published value over `arc-swap`. Its orderings are `arc-swap`'s own (`SeqCst` on every access that hands a value
//! over), which is more than the contract below asks for.
//!
//! Contract, as the model in `model.rs` has it: a load acquires, and an exchange acquires and releases, so whoever loads a
//! value sees all that happened before it was published, and values are seen in the order in which they were published.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapAny;
use arc_swap::cache::Cache;

use super::broken;

/// `arc-swap`'s own way, in which readers wait for nobody.
#[cfg(not(shardway_strategy = "rwlock"))]
type Strategy = arc_swap::DefaultStrategy;
/// For tests (`--cfg shardway_strategy="rwlock"`): the same interface over a lock that is easy to understand. What holds over
/// both rests on the contract above, and not on how `arc-swap` comes to it.
#[cfg(shardway_strategy = "rwlock")]
type Strategy = std::sync::RwLock<()>;

type ArcSwap<T> = ArcSwapAny<Arc<T>, Strategy>;

/// Holds the value that is published now. Alone on its cache lines (two, for processors that fetch pairs), so that nothing
/// but publishing ever takes them from the readers.
#[repr(align(128))]
pub(crate) struct Cell<T>(ArcSwap<T>);

impl<T> Cell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::with_strategy(value, Strategy::default()))
    }

    /// Borrows the value without counting a reference, for a short while.
    #[inline]
    pub(crate) fn load(&self) -> impl Deref<Target = Arc<T>> {
        self.0.load()
    }

    /// The value, for as long as the caller likes.
    pub(crate) fn load_full(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Publishes `new` if `current` is still what is published; says whether it was.
    pub(crate) fn compare_exchange(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        if broken("lost_update") {
            return self.load_then_store(current, new);
        }
        Arc::ptr_eq(&self.0.compare_and_swap(current, new), current)
    }

    /// The broken twin, which tests must reject: between its look and its store, another writer's value is lost.
    fn load_then_store(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        let unchanged = Arc::ptr_eq(&self.0.load(), current);
        std::thread::yield_now();
        if unchanged {
            self.0.store(new);
        }
        unchanged
    }
}

/// How many others hold a value that is no longer published. `arc-swap` has turned every borrow of such a value into a
/// counted reference by the time that the exchange returned, so the count leaves nobody out; and since no one can get to
/// the value any more but through a reference, none stays none.
pub(crate) fn holders<T>(value: &Arc<T>) -> usize {
    Arc::strong_count(value) - 1
}

/// Keeps up with a [`Cell`] that `S` holds: has the value at hand, and sees with one load of the cell whether it is still
/// the published one.
pub(crate) struct Follower<S, T>(Cache<Source<S, T>, Arc<T>>);

impl<S, T> Follower<S, T>
where
    S: Deref<Target: AsRef<Cell<T>>>,
{
    pub(crate) fn new(source: S) -> Self {
        Self(Cache::new(Source(source, PhantomData)))
    }

    /// The value that is published now. One load and a comparison, unless it has changed since the last call.
    #[inline]
    pub(crate) fn value(&mut self) -> &Arc<T> {
        self.0.load()
    }
}

impl<S: Clone, T> Clone for Follower<S, T>
where
    S: Deref<Target: AsRef<Cell<T>>>,
{
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Shows `arc-swap` its way to the cell in `S`.
struct Source<S, T>(S, PhantomData<fn() -> T>);

impl<S: Clone, T> Clone for Source<S, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<S, T> Deref for Source<S, T>
where
    S: Deref<Target: AsRef<Cell<T>>>,
{
    type Target = ArcSwap<T>;

    #[inline]
    fn deref(&self) -> &ArcSwap<T> {
        &self.0.as_ref().0
    }
}
