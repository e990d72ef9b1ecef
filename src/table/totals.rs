//! How much the shards of a range hold, all together, and where to cut a range into parts that hold about as much as each
//! other. From sums that the index keeps.

use super::Table;
use super::index::Weight;
use crate::key::{AsKeyRange, Key, KeyEnd};
use crate::shard::Shard;

/// What some shards hold, all together: sums of their [`Estimates`](crate::Estimates).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// How many shards there are.
    pub shards: u64,
    /// Number of keys; `u64::MAX` if there are more.
    pub keys: u64,
    /// Size in bytes; `u64::MAX` if it is more.
    pub bytes: u64,
}

/// What to go by when the parts of a range are to be equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Measure {
    /// How many shards there are.
    Shards,
    /// How many keys they hold, as estimated.
    Keys,
    /// How many bytes they hold, as estimated.
    Bytes,
}

impl Measure {
    fn of(self, weight: &Weight) -> u128 {
        match self {
            Self::Shards => weight.shards.into(),
            Self::Keys => weight.keys,
            Self::Bytes => weight.bytes,
        }
    }

    pub(crate) fn of_shard(self, shard: Shard<'_>) -> u128 {
        match self {
            Self::Shards => 1,
            Self::Keys => shard.estimates().keys.into(),
            Self::Bytes => shard.estimates().bytes.into(),
        }
    }
}

impl Table {
    /// What all shards that own a key of `range` hold together: those that [`Table::range`] walks over. O(log n), however
    /// many they are.
    ///
    /// ```
    /// use shardway::{Change, Estimates, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let first = table.resolve("")?.shard;
    /// let estimates = Estimates { keys: 1_000, bytes: 64_000 };
    /// let (table, _) = table.apply(&[Change::report(first, estimates), Change::split(first, "m")])?;
    /// assert_eq!(table.totals(..).keys, 1_000);
    /// assert_eq!(table.totals("x"..).keys, 500);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn totals(&self, range: impl AsKeyRange) -> Totals {
        let (start, end) = (range.start(), range.end());
        let Weight { shards, keys, bytes, .. } = self.index.total(self.first_start(start, end), end);
        let narrow = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        Totals { shards, keys: narrow(keys), bytes: narrow(bytes) }
    }

    /// Where to cut `range` into so many parts that are as equal as whole shards allow: for scans and back-ups in parallel.
    /// Gives the starts of shards strictly inside the range, in ascending order: all of them, where there are no more shards than
    /// parts, and fewer than asked for where one shard outweighs a part. Where the measure is zero throughout, the number of
    /// shards counts. O(parts log n), and O(shards of the range) where they are fewer.
    ///
    /// ```
    /// use shardway::{Key, KeyRange, Measure, NodeId, ShardId, ShardRecord, Table};
    ///
    /// let table = Table::from_records([
    ///     ShardRecord::new(ShardId(1), KeyRange::try_from("".."g")?, NodeId(1)),
    ///     ShardRecord::new(ShardId(2), KeyRange::try_from("g".."p")?, NodeId(2)),
    ///     ShardRecord::new(ShardId(3), KeyRange::try_from("p".."x")?, NodeId(2)),
    ///     ShardRecord::new(ShardId(4), KeyRange::from("x"..), NodeId(2)),
    /// ])?;
    /// assert_eq!(table.cut(.., 2, Measure::Shards), [Key::from("p")]);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn cut(&self, range: impl AsKeyRange, parts: usize, measure: Measure) -> Vec<Key> {
        let (start, end) = (range.start(), range.end());
        let from = self.first_start(start, end);
        let weight = self.index.total(from, end);
        if parts as u128 >= u128::from(weight.shards) {
            return self.range(&range).skip(1).map(|shard| Key::from(shard.start())).collect();
        }
        let measure = if measure.of(&weight) == 0 { Measure::Shards } else { measure };
        let (parts, total) = (parts as u128, measure.of(&weight));
        let before = measure.of(&self.index.total(&[], KeyEnd::At(from)));
        // Before the first shard of the range there may be a gap, which makes no part.
        let first = self.range(&range).next().map_or(start, |shard| shard.start().max(start));
        let mut cuts: Vec<Key> = Vec::new();
        for part in 1..parts {
            // In two pieces, of which neither can overflow.
            let sum = before + total / parts * part + total % parts * part / parts;
            let Some(cut) = self.nearest_start(sum, measure) else { continue };
            let last = cuts.last().map_or(first, Key::as_bytes);
            if cut > last && end.is_above(cut) {
                cuts.push(Key::from(cut));
            }
        }
        cuts
    }

    /// The start of a shard up to which the sum is nearest to this one.
    fn nearest_start(&self, sum: u128, measure: Measure) -> Option<&[u8]> {
        let (shard, before) = self.index.where_sum_exceeds(sum, |weight| measure.of(weight))?;
        let after = before + measure.of_shard(shard);
        if sum - before <= after - sum {
            Some(shard.start())
        } else {
            Some(self.index.after(shard.start())?.start())
        }
    }

    /// Where the first shard starts that owns a key of this range.
    pub(super) fn first_start<'k>(&'k self, start: &'k [u8], end: KeyEnd<&[u8]>) -> &'k [u8] {
        match self.owner(start) {
            Some(owner) if end.is_above(start) => owner.start(),
            _ => start,
        }
    }
}
