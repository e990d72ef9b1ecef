//! The published value over `arc-swap`. Its orderings are `arc-swap`'s own (`SeqCst` on every access that hands a value
//! over), which is more than the contract below asks for.
//!
//! Contract, as the model in `model.rs` has it: a load acquires, and an exchange acquires and releases, so whoever loads a
//! value sees all that happened before it was published, and values are seen in the order in which they were published.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwapAny, Guard};

use super::broken;
use super::publications::Publications;

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
pub(crate) struct Cell<T> {
    current: ArcSwap<T>,
    publications: Publications,
}

impl<T> Cell<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        let current = ArcSwap::with_strategy(value, Strategy::default());
        Self { current, publications: Publications::default() }
    }

    /// Borrows the value without counting a reference, for a short while.
    #[inline]
    pub(crate) fn load(&self) -> impl Deref<Target = Arc<T>> {
        self.current.load()
    }

    /// The value, for as long as the caller likes.
    pub(crate) fn load_full(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Makes the published value of one that may be older. Where it is the same no reference is counted, for which many readers would
    /// take a line from each other.
    pub(crate) fn renew(&self, value: &mut Arc<T>) {
        let published = self.current.load();
        if !Arc::ptr_eq(&published, value) {
            *value = Guard::into_inner(published);
        }
    }

    pub(crate) fn publications(&self) -> &Publications {
        &self.publications
    }

    /// Publishes `new` if `current` is still what is published; says whether it was.
    pub(crate) fn compare_exchange(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        self.publications.count(|| {
            if broken("lost_update") {
                return self.load_then_store(current, new);
            }
            Arc::ptr_eq(&self.current.compare_and_swap(current, new), current)
        })
    }

    /// The broken twin, which tests must reject: between its look and its store, another writer's value is lost.
    fn load_then_store(&self, current: &Arc<T>, new: Arc<T>) -> bool {
        let unchanged = Arc::ptr_eq(&self.current.load(), current);
        std::thread::yield_now();
        if unchanged {
            self.current.store(new);
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
