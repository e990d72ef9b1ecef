//! Whom shardway is measured against: ordered maps from where a shard starts, behind what lets threads share them. A new map
//! is one impl of [`Map`] and goes with every cell; a new cell is one impl of [`Shared`] and goes with every map.
//!
//! All that a peer keeps is the map. It checks nothing, knows no shard by its id and no node, and since its shards leave no
//! gap, it need not see where a range ends: what shardway does besides is on shardway's bill.

#![allow(clippy::disallowed_types, reason = "they are what shardway is compared with")]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use shardway::{Key, Route, ShardRecord};

/// The first thing that comes to mind.
pub(crate) type LockedTree = RwLock<Tree>;
/// Readers without a lock, for a copy of everything with each change.
pub(crate) type SwappedTree = ArcSwap<Tree>;
/// The textbook: readers without a lock, and versions that share what they have in common.
pub(crate) type SwappedPersistent = ArcSwap<Persistent>;

pub(crate) type Tree = BTreeMap<Box<[u8]>, Route>;
pub(crate) type Persistent = im::OrdMap<Key, Arc<ShardRecord>>;

/// An ordered map that finds the shard that owns a key.
pub(crate) trait Map: Clone {
    const NAME: &'static str;

    /// Takes shards in key order.
    fn of(records: &[ShardRecord]) -> Self;

    /// The last shard that starts at or before `key`.
    fn floor(&self, key: &[u8]) -> Option<Route>;

    fn put(&mut self, start: &Key, record: &ShardRecord);

    fn take(&mut self, start: &Key);
}

impl Map for Tree {
    const NAME: &'static str = "BTreeMap";

    fn of(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| (record.range.start().into(), record.route())).collect()
    }

    #[inline]
    fn floor(&self, key: &[u8]) -> Option<Route> {
        let upto = (Bound::Unbounded, Bound::Included(key));
        self.range::<[u8], _>(upto).next_back().map(|(_, route)| *route)
    }

    fn put(&mut self, start: &Key, record: &ShardRecord) {
        self.insert(start.as_bytes().into(), record.route());
    }

    fn take(&mut self, start: &Key) {
        self.remove(start.as_bytes());
    }
}

impl Map for Persistent {
    const NAME: &'static str = "im::OrdMap";

    fn of(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| (Key::from(record.range.start()), Arc::new(record.clone()))).collect()
    }

    #[inline]
    fn floor(&self, key: &[u8]) -> Option<Route> {
        self.get_prev(key).map(|(_, record)| record.route())
    }

    fn put(&mut self, start: &Key, record: &ShardRecord) {
        self.insert(start.clone(), Arc::new(record.clone()));
    }

    fn take(&mut self, start: &Key) {
        self.remove(start);
    }
}

/// A map that threads share.
pub(crate) trait Shared {
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
        format!("RwLock<{}>", M::NAME)
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
