//! Maps that threads share as they are, each looked up in as its documentation advises: what one thread takes along, and a
//! closure that finds the last shard that starts at or before a key.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

use concurrent_map::{ConcurrentMap, Minimum};
use crossbeam_skiplist::SkipMap;
use left_right::Absorb;
use rangemap::RangeMap;
use scc::tree_index::Proximity;
use scc::{Guard, TreeIndex};
use shardway::{Key, KeyEnd, Route, ShardRecord};

use super::maps::{Map, Tree};

fn starts(records: &[ShardRecord]) -> impl Iterator<Item = (Box<[u8]>, Route)> {
    records.iter().map(|record| (record.range.start().into(), record.route()))
}

/// `crossbeam-skiplist`.
pub(crate) fn skip_map(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let map: SkipMap<Box<[u8]>, Route> = starts(records).collect();
    move |key| map.upper_bound(Bound::Included(key)).map(|entry| *entry.value())
}

/// `scc`. By `locate`, which turns to both neighbours of a key: `range(..=key).next_back()` says the same, but has been seen
/// (3.8.8, 100,000 entries) to take 60 ms whenever no entry is above the key.
pub(crate) fn tree_index(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let tree = TreeIndex::new();
    for (start, route) in starts(records) {
        tree.upsert_sync(start, route);
    }
    move |key| {
        let guard = Guard::new();
        let entry = match tree.locate(key, &guard) {
            Proximity::Exact(at) | Proximity::Between(at) => at.get(),
            Proximity::Smaller(below) => below.get_back(),
            Proximity::Larger(_) | Proximity::Empty => None,
        };
        entry.map(|(_, route)| *route)
    }
}

/// A key that [`ConcurrentMap`] takes: it asks for a least one that is a constant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Bytes(Option<Key>);

impl Minimum for Bytes {
    const MIN: Self = Self(None);
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], Key::as_bytes)
    }
}

/// `concurrent-map`, whose handles are one for each thread. It hands out copies of the key and the value, so keys share
/// their bytes.
pub(crate) fn concurrent_map(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let map = ConcurrentMap::<Bytes, Route>::default();
    for (start, route) in starts(records) {
        // The least key goes by one name only, the constant.
        let key = if start.is_empty() { Bytes::MIN } else { Bytes(Some(Key::from(&*start))) };
        map.insert(key, route);
    }
    let handle = map.clone();
    move |key| handle.get_lte::<[u8]>(key).map(|(_, route)| route)
}

struct Put(Box<[u8]>, Route);

/// What `left-right` is asked to keep twice.
#[derive(Clone, Default)]
struct Mirrored(Tree);

impl Absorb<Put> for Mirrored {
    fn absorb_first(&mut self, Put(start, route): &mut Put, _: &Self) {
        self.0.insert(start.clone(), *route);
    }

    fn absorb_second(&mut self, Put(start, route): Put, _: &Self) {
        self.0.insert(start, route);
    }

    fn sync_with(&mut self, first: &Self) {
        self.clone_from(first);
    }
}

/// `left-right` over a `BTreeMap`, with a read handle for each thread.
pub(crate) fn left_right_tree(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let (mut writer, reader) = left_right::new_from_empty::<Mirrored, Put>(Mirrored::default());
    writer.extend(starts(records).map(|(start, route)| Put(start, route)));
    writer.publish();
    move |key| {
        // Without its writer the map would be gone.
        let _ = &writer;
        reader.enter().and_then(|map| map.0.floor(key))
    }
}

/// `rangemap` behind a lock. It takes whole keys only, so that each look-up makes one.
pub(crate) fn locked_ranges(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let end = |record: &ShardRecord| match record.range.end() {
        KeyEnd::At(key) => KeyEnd::At(Key::from(key)),
        KeyEnd::Unbounded => KeyEnd::Unbounded,
    };
    let range = |record: &ShardRecord| KeyEnd::At(record.range.start().into())..end(record);
    let ranges = records.iter().map(|record| (range(record), record.route()));
    let map: parking_lot::RwLock<RangeMap<KeyEnd, Route>> = parking_lot::RwLock::new(ranges.collect());
    move |key| map.read().get(&KeyEnd::At(key.into())).copied()
}

/// How long keys are that are kept in the nodes of a `BTreeMap` themselves.
pub(crate) const INLINE: usize = 16;

/// A `BTreeMap` whose keys all have one length and need no memory of their own, behind a lock.
pub(crate) fn locked_inline(records: &[ShardRecord]) -> impl FnMut(&[u8]) -> Option<Route> + use<> {
    let inline = |key: &[u8]| <[u8; INLINE]>::try_from(key).unwrap_or_default();
    let starts = records.iter().map(|record| (inline(record.range.start()), record.route()));
    let map = parking_lot::RwLock::new(starts.collect::<BTreeMap<_, _>>());
    move |key| map.read().range(..=inline(key)).next_back().map(|(_, route)| *route)
}
