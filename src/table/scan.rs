//! Walks over a table in key order: the shards of a range, and the gaps between them.

use std::iter::FusedIterator;

use super::Table;
use super::index::Run;
use crate::key::{AsKeyRange, Key, KeyEnd, KeyRange};
use crate::shard::Shard;

impl Table {
    /// Every shard in key order, from either end. O(1) a shard.
    #[must_use]
    pub fn shards(&self) -> Shards<'_> {
        self.range(..)
    }

    /// Every shard that owns a key of `range`, in key order, from either end: the first and last may reach beyond it.
    /// O(log n) to begin with, then O(1) a shard.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// assert_eq!(table.range("a".."c").count(), 1);
    /// assert_eq!(table.range("a".."z").count(), 2);
    /// assert_eq!(table.range("z"..).next().unwrap().start(), b"m");
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn range(&self, range: impl AsKeyRange) -> Shards<'_> {
        let (start, end) = (range.start(), range.end());
        Shards { run: self.index.run(self.first_start(start, end), end) }
    }

    /// The shard just before a key: the last one that starts below it. It owns the keys right below `key`, and `key`
    /// too unless it ends there; where those keys lie in a gap, it is the nearest below. `None` if nothing starts
    /// below. O(log n).
    ///
    /// What ends at `key` and what a walk backward from `key` begins with, it is for an exclusive end what
    /// [`owner`](Self::owner) is for a start; before an unbounded end comes `shards().next_back()`.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// assert_eq!(table.before("m").unwrap().start(), b"");
    /// assert_eq!(table.before("n").unwrap().start(), b"m");
    /// assert_eq!(table.before(""), None);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn before(&self, key: impl AsRef<[u8]>) -> Option<Shard<'_>> {
        self.index.before(key.as_ref())
    }

    /// Every part of the keyspace that no shard owns, in key order. O(n) for all of them.
    #[must_use]
    pub fn gaps(&self) -> Gaps<'_> {
        self.gaps_in(..)
    }

    /// Every part of `range` that no shard owns, in key order. O(log n) to begin with, then O(1) a shard.
    #[must_use]
    pub fn gaps_in(&self, range: impl AsKeyRange) -> Gaps<'_> {
        let end = match range.end() {
            KeyEnd::At(key) => KeyEnd::At(key.into()),
            KeyEnd::Unbounded => KeyEnd::Unbounded,
        };
        Gaps { open: Some(range.start().into()), end, shards: self.range(range) }
    }

    /// All of the gap that `key` lies in; `None` if a shard owns it. O(log n).
    ///
    /// ```
    /// use shardway::{KeyRange, NodeId, ShardId, ShardRecord, Table};
    ///
    /// let range = KeyRange::try_from("m".."t")?;
    /// let table = Table::from_records([ShardRecord::new(ShardId(1), range, NodeId(1))])?;
    /// assert_eq!(table.gap_at("a"), Some(KeyRange::try_from("".."m")?));
    /// assert_eq!(table.gap_at("x"), Some(KeyRange::from("t"..)));
    /// assert_eq!(table.gap_at("m"), None);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn gap_at(&self, key: impl AsRef<[u8]>) -> Option<KeyRange> {
        let key = key.as_ref();
        let start = match self.index.floor(key).map(Shard::end) {
            None => Key::empty(),
            Some(KeyEnd::At(end)) if end <= key => Key::from(end),
            Some(_) => return None,
        };
        let end = self.index.after(key).map_or(KeyEnd::Unbounded, |next| KeyEnd::At(next.start().into()));
        KeyRange::new(start, end).ok()
    }
}

/// Shards in key order, from either end. Made by [`Table::shards`] and [`Table::range`].
#[derive(Clone)]
pub struct Shards<'t> {
    run: Run<'t>,
}

impl<'t> Iterator for Shards<'t> {
    type Item = Shard<'t>;

    fn next(&mut self) -> Option<Shard<'t>> {
        self.run.next()
    }
}

impl DoubleEndedIterator for Shards<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.run.next_back()
    }
}

impl FusedIterator for Shards<'_> {}

impl std::fmt::Debug for Shards<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Gaps in key order. Made by [`Table::gaps`] and [`Table::gaps_in`].
#[derive(Clone, Debug)]
pub struct Gaps<'t> {
    shards: Shards<'t>,
    /// Where the next gap starts, if the next shard starts after it; `None` once a shard reaches the end.
    open: Option<Key>,
    end: KeyEnd,
}

impl Iterator for Gaps<'_> {
    type Item = KeyRange;

    fn next(&mut self) -> Option<KeyRange> {
        while let Some(start) = self.open.take() {
            let Some(shard) = self.shards.next() else {
                return KeyRange::new(start, self.end.clone()).ok();
            };
            self.open = shard.end().key().map(Key::from);
            if start.as_bytes() < shard.start() {
                return KeyRange::new(start, KeyEnd::At(shard.start().into())).ok();
            }
        }
        None
    }
}

impl FusedIterator for Gaps<'_> {}
