//! What lets threads share a map: locks, and a pointer that is swapped. A cell is one impl of [`Shared`] and goes with every
//! map; a map is one impl of [`Map`] and goes with every cell.

#![allow(clippy::disallowed_types, reason = "they are what shardway is compared with")]

use std::sync::{PoisonError, RwLock};

use arc_swap::ArcSwap;
use shardway::ShardRecord;

use super::maps::{Archived, Map, Persistent, Sorted, Tree};

/// The first thing that comes to mind.
pub(crate) type LockedTree = RwLock<Tree>;
pub(crate) type ParkingTree = parking_lot::RwLock<Tree>;
/// Readers without a lock, for a copy of everything with each change.
pub(crate) type SwappedTree = ArcSwap<Tree>;
pub(crate) type SwappedSorted = ArcSwap<Sorted>;
/// The textbook: readers without a lock, and versions that share what they have in common.
pub(crate) type SwappedPersistent = ArcSwap<Persistent>;
/// The same on the crate that was archived.
pub(crate) type SwappedArchived = ArcSwap<Archived>;

/// A map that threads share.
pub(crate) trait Shared: Send + Sync {
    type Map: Map;

    fn name() -> String;

    fn new(map: Self::Map) -> Self;

    fn read<R>(&self, look: impl FnOnce(&Self::Map) -> R) -> R;

    /// Readers see all of the edit or nothing. It is run again if another writer was faster.
    fn publish(&self, edit: impl Fn(&mut Self::Map));

    fn of(records: &[ShardRecord]) -> Self
    where
        Self: Sized,
    {
        Self::new(Self::Map::of(records))
    }
}

impl<M: Map> Shared for RwLock<M> {
    type Map = M;

    fn name() -> String {
        format!("std RwLock<{}>", M::NAME)
    }

    fn new(map: M) -> Self {
        Self::new(map)
    }

    #[inline]
    fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, edit: impl Fn(&mut M)) {
        edit(&mut self.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<M: Map> Shared for parking_lot::RwLock<M> {
    type Map = M;

    fn name() -> String {
        format!("parking_lot RwLock<{}>", M::NAME)
    }

    fn new(map: M) -> Self {
        Self::new(map)
    }

    #[inline]
    fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.read())
    }

    fn publish(&self, edit: impl Fn(&mut M)) {
        edit(&mut self.write());
    }
}

impl<M: Map> Shared for ArcSwap<M> {
    type Map = M;

    fn name() -> String {
        format!("ArcSwap<{}>", M::NAME)
    }

    fn new(map: M) -> Self {
        Self::from_pointee(map)
    }

    #[inline]
    fn read<R>(&self, look: impl FnOnce(&M) -> R) -> R {
        look(&self.load())
    }

    fn publish(&self, edit: impl Fn(&mut M)) {
        self.rcu(|map| {
            let mut next = M::clone(map);
            edit(&mut next);
            next
        });
    }
}
