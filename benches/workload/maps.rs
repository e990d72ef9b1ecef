//! Ordered maps from where a shard starts to its route: what a program would keep its shards in otherwise. What lets threads
//! share one is in [`super::cells`].
//!
//! All that a peer keeps is the map. It checks nothing, knows no shard by its id and no node, and since its shards leave no
//! gap, it need not see where a range ends: what shardway does besides is on shardway's bill.

use std::collections::BTreeMap;
use std::ops::Bound;

use shardway::{Key, Route, ShardRecord};

pub(crate) type Tree = BTreeMap<Box<[u8]>, Route>;
pub(crate) type Sorted = Vec<(Box<[u8]>, Route)>;
/// Keys that share their bytes: a version that is copied copies no key.
pub(crate) type Persistent = im::OrdMap<Key, Route>;
pub(crate) type Archived = im15::OrdMap<Key, Route>;

/// An ordered map that finds the shard that owns a key.
pub(crate) trait Map: Clone + Send + Sync {
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

impl Map for Sorted {
    const NAME: &'static str = "sorted Vec";

    fn of(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| (record.range.start().into(), record.route())).collect()
    }

    #[inline]
    fn floor(&self, key: &[u8]) -> Option<Route> {
        let above = self.partition_point(|(start, _)| **start <= *key);
        self[..above].last().map(|(_, route)| *route)
    }

    fn put(&mut self, start: &Key, record: &ShardRecord) {
        match self.binary_search_by(|(at, _)| (**at).cmp(start.as_bytes())) {
            Ok(place) => self[place].1 = record.route(),
            Err(place) => self.insert(place, (start.as_bytes().into(), record.route())),
        }
    }

    fn take(&mut self, start: &Key) {
        if let Ok(place) = self.binary_search_by(|(at, _)| (**at).cmp(start.as_bytes())) {
            self.remove(place);
        }
    }
}

impl Map for Persistent {
    const NAME: &'static str = "imbl::OrdMap";

    fn of(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| (Key::from(record.range.start()), record.route())).collect()
    }

    #[inline]
    fn floor(&self, key: &[u8]) -> Option<Route> {
        self.get_prev(key).map(|(_, route)| *route)
    }

    fn put(&mut self, start: &Key, record: &ShardRecord) {
        self.insert(start.clone(), record.route());
    }

    fn take(&mut self, start: &Key) {
        self.remove(start.as_bytes());
    }
}

impl Map for Archived {
    const NAME: &'static str = "im 15 OrdMap";

    fn of(records: &[ShardRecord]) -> Self {
        records.iter().map(|record| (Key::from(record.range.start()), record.route())).collect()
    }

    /// `get_prev` alone gives nothing where the entry before a key is not in the leaf that the key leads to; where it gives
    /// an entry, it is the right one.
    #[inline]
    fn floor(&self, key: &[u8]) -> Option<Route> {
        let upto = (Bound::Unbounded, Bound::Included(key));
        let found = self.get_prev(key).or_else(|| self.range::<_, [u8]>(upto).next_back());
        found.map(|(_, route)| *route)
    }

    fn put(&mut self, start: &Key, record: &ShardRecord) {
        self.insert(start.clone(), record.route());
    }

    fn take(&mut self, start: &Key) {
        self.remove(start.as_bytes());
    }
}
