//! The ordered map from the start of each shard to its record: find the entry at or before a key, replace a run of
//! neighbours by another run, iterate both ways from a key, compare two versions. Nothing outside this module knows how.
//!
//! Persistent: a clone is O(1) and shares all nodes, and a change copies one path of them.

use std::ops::Bound;
use std::sync::Arc;

use im::OrdMap;
use im::ordmap::DiffItem;

use crate::key::{Key, KeyEnd};
use crate::shard::ShardRecord;

/// What the index keeps for each shard.
pub(super) type Entry = Arc<ShardRecord>;

/// A run of neighbours, walked from either end.
pub(super) type Run<'t> = im::ordmap::RangedIter<'t, Key, Entry, im::shared_ptr::DefaultSharedPtr>;

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Index {
    by_start: OrdMap<Key, Entry>,
}

/// How two versions differ at one start key.
pub(super) enum EntryDiff<'o, 'n> {
    Gone(&'o Entry),
    New(&'n Entry),
    Changed(&'o Entry, &'n Entry),
}

impl Index {
    /// Takes records in ascending order of their starts. O(n) of them.
    pub(super) fn from_sorted(records: impl IntoIterator<Item = ShardRecord>) -> Self {
        let entries = records.into_iter().map(|record| (record.range.start_key().clone(), Arc::new(record)));
        Self { by_start: entries.collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_start.len()
    }

    /// The entry that starts exactly here.
    pub(super) fn get(&self, start: &[u8]) -> Option<&Entry> {
        self.by_start.get(start)
    }

    /// The last entry that starts at or before `key`.
    #[inline]
    pub(super) fn floor(&self, key: &[u8]) -> Option<&Entry> {
        self.last(Bound::Included(key))
    }

    /// The last entry that starts before `key`.
    pub(super) fn before(&self, key: &[u8]) -> Option<&Entry> {
        self.last(Bound::Excluded(key))
    }

    /// The first entry that starts after `key`.
    pub(super) fn after(&self, key: &[u8]) -> Option<&Entry> {
        let above = (Bound::Excluded(key), Bound::Unbounded);
        self.by_start.range::<_, [u8]>(above).next().map(|(_, entry)| entry)
    }

    /// The entries that start in `[start, end)`. A range that holds no key has none.
    pub(super) fn run(&self, start: &[u8], end: KeyEnd<&[u8]>) -> Run<'_> {
        let end = match end {
            KeyEnd::At(end) => Bound::Excluded(end.max(start)),
            KeyEnd::Unbounded => Bound::Unbounded,
        };
        self.by_start.range::<_, [u8]>((Bound::Included(start), end))
    }

    /// Takes the entries of `old`, which are neighbours, out and puts `new`, which cover no more, in their place.
    pub(super) fn replace(&mut self, old: &[Entry], new: Vec<ShardRecord>) {
        for entry in old {
            let start = entry.range.start_key();
            if !new.iter().any(|record| record.range.start_key() == start) {
                self.by_start.remove(start);
            }
        }
        for record in new {
            self.by_start.insert(record.range.start_key().clone(), Arc::new(record));
        }
    }

    /// Where this version and a newer one differ, in key order, in time proportional to what changed between them.
    pub(super) fn diff<'o, 'n>(&'o self, newer: &'n Self) -> impl Iterator<Item = EntryDiff<'o, 'n>> {
        self.by_start.diff(&newer.by_start).map(|item| match item {
            DiffItem::Add(_, entry) => EntryDiff::New(entry),
            DiffItem::Remove(_, entry) => EntryDiff::Gone(entry),
            DiffItem::Update { old: (_, old), new: (_, new) } => EntryDiff::Changed(old, new),
        })
    }

    /// About how many bytes each entry takes, with its record.
    pub(super) fn entry_bytes(&self) -> usize {
        let key = self.by_start.get_max().map_or(0, |(start, _)| start.as_bytes().len());
        size_of::<(Key, Entry)>() + size_of::<ShardRecord>() + key
    }

    /// About how many bytes one change to one entry replaces: a path of nodes.
    pub(super) fn path_bytes(&self) -> usize {
        const FANOUT: usize = 16;
        let levels = self.len().max(1).ilog(FANOUT) as usize + 1;
        levels * FANOUT * (size_of::<Key>() + size_of::<Entry>())
    }

    /// Through a range, since that is the one floor look-up that no version of `im` gets wrong.
    #[inline]
    fn last(&self, end: Bound<&[u8]>) -> Option<&Entry> {
        self.by_start.range::<_, [u8]>((Bound::Unbounded, end)).next_back().map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRange;
    use crate::shard::{NodeId, ShardId};

    fn record(id: u64, start: &str, end: &str) -> ShardRecord {
        ShardRecord::new(ShardId(id), KeyRange::try_from(start..end).unwrap(), NodeId(1))
    }

    fn ids<'t>(entries: impl IntoIterator<Item = &'t Entry>) -> Vec<u64> {
        entries.into_iter().map(|entry| entry.id.0).collect()
    }

    fn index() -> Index {
        Index::from_sorted([record(1, "b", "d"), record(2, "d", "f"), record(3, "h", "k")])
    }

    #[test]
    fn neighbours_of_a_key() {
        let index = index();
        let around = |key: &str| {
            [index.floor(key.as_bytes()), index.before(key.as_bytes()), index.after(key.as_bytes())]
                .map(|entry| entry.map_or(0, |entry| entry.id.0))
        };
        assert_eq!(around(""), [0, 0, 1]);
        assert_eq!(around("b"), [1, 0, 2]);
        assert_eq!(around("c"), [1, 1, 2]);
        assert_eq!(around("d"), [2, 1, 3]);
        assert_eq!(around("z"), [3, 3, 0]);
    }

    #[test]
    fn runs_go_both_ways() {
        let index = index();
        let run = |start: &str, end| index.run(start.as_bytes(), end).map(|(_, entry)| entry);
        assert_eq!(ids(run("", KeyEnd::Unbounded)), [1, 2, 3]);
        assert_eq!(ids(run("", KeyEnd::Unbounded).rev()), [3, 2, 1]);
        assert_eq!(ids(run("d", KeyEnd::At(b"h"))), [2]);
        assert_eq!(ids(run("z", KeyEnd::At(b"a"))), [], "no key is between");
    }

    #[test]
    fn old_versions_stay_and_differences_are_named() {
        let old = index();
        let mut new = old.clone();
        let run: Vec<_> = old.run(b"", KeyEnd::At(b"e")).map(|(_, entry)| entry.clone()).collect();
        new.replace(&run, vec![record(4, "b", "f")]);
        assert_eq!(ids(new.run(b"", KeyEnd::Unbounded).map(|(_, entry)| entry)), [4, 3]);
        assert_eq!(ids(old.run(b"", KeyEnd::Unbounded).map(|(_, entry)| entry)), [1, 2, 3]);
        let named: Vec<_> = old
            .diff(&new)
            .map(|diff| match diff {
                EntryDiff::Gone(old) => (old.id.0, 0),
                EntryDiff::New(new) => (0, new.id.0),
                EntryDiff::Changed(old, new) => (old.id.0, new.id.0),
            })
            .collect();
        assert_eq!(named, [(1, 4), (2, 0)]);
    }
}
