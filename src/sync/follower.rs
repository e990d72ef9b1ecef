//! Keeping up with a [`Cell`].

use std::ops::Deref;
use std::sync::Arc;

use super::publications::Seen;
use super::{Cell, broken};

/// Has the value of a [`Cell`] that `S` holds at hand, and sees with one load of the cell's line whether it is still the published one.
pub(crate) struct Follower<S, T> {
    source: S,
    value: Arc<T>,
    seen: Seen,
}

impl<S, T> Follower<S, T>
where
    S: Deref<Target: AsRef<Cell<T>>>,
{
    pub(crate) fn new(source: S) -> Self {
        let seen = source.as_ref().publications().settled();
        let value = source.as_ref().load_full();
        Self { source, value, seen }
    }

    /// The value that is published now. One load and a comparison, unless something is being published or has been since the last
    /// call.
    // `arc-swap`'s own cache compares pointers, and loads a new value in the same function, which is too long to be compiled into
    // a caller's: that took a tenth of a look-up among 1,000 shards.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> &Arc<T> {
        if !self.source.as_ref().publications().is_nothing_new(self.seen) && !broken("stale_follower") {
            self.look();
        }
        &self.value
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self) {
        let cell = self.source.as_ref();
        self.seen = cell.publications().settled();
        cell.renew(&mut self.value);
    }
}

impl<S: Clone, T> Clone for Follower<S, T> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), value: Arc::clone(&self.value), seen: self.seen }
    }
}
