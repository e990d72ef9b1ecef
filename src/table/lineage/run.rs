//! Passings one after the other, packed: numbers in one array, keys end to end in another. To copy a run takes two
//! allocations and counts nothing, and to forget one frees two. Which runs there are is the business of [`super`].

use super::Passing;
use crate::key::{KeyEnd, KeyRange};
use crate::shard::ShardId;
use crate::table::bits::bit;
use crate::table::digest::Part;
use crate::table::prefetch::prefetch;

/// See the module.
#[derive(Default)]
pub(super) struct Run {
    /// A bit for each shard that it has something about. Several shards share one.
    shards: u64,
    entries: Vec<Entry>,
    /// The start and the end of each range.
    keys: Vec<u8>,
}

/// A passing but for its keys.
#[derive(Clone, Copy)]
struct Entry {
    shard: ShardId,
    epoch: u64,
    revision: u64,
    digest: u64,
    /// Where the start of the range ends among the keys. It begins where the entry before ends.
    start: usize,
    /// Where the end of the range ends. The end of an unbounded range is empty, which no other is.
    end: usize,
}

/// A [`Passing`] in its run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) struct Passed<'r> {
    pub(in crate::table) shard: ShardId,
    pub(in crate::table) epoch: u64,
    pub(in crate::table) range: KeyRange<&'r [u8]>,
    pub(in crate::table) revision: u64,
}

impl Passed<'_> {
    pub(in crate::table) fn to_passing(self) -> Passing {
        let Self { shard, epoch, range, revision } = self;
        Passing { shard, epoch, range: range.to_key_range(), revision }
    }
}

impl Passing {
    pub(in crate::table) fn as_passed(&self) -> Passed<'_> {
        let Self { shard, epoch, ref range, revision } = *self;
        Passed { shard, epoch, range: range.as_bytes(), revision }
    }
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it may have something about a shard.
    pub(super) fn may_know(&self, shard: ShardId) -> bool {
        self.shards & bit(shard.0) != 0
    }

    /// A copy that has one more, and room for another: a merge ends two shards.
    pub(super) fn with(&self, passed: &Passed<'_>, digest: u64) -> Self {
        let more = passed.range.start().len() + passed.range.end().key().map_or(0, <[u8]>::len);
        let mut run = Self {
            shards: self.shards,
            entries: Vec::with_capacity(self.entries.len() + 2),
            keys: Vec::with_capacity(self.keys.len() + 2 * more),
        };
        run.entries.extend_from_slice(&self.entries);
        run.keys.extend_from_slice(&self.keys);
        run.push(passed, digest);
        run
    }

    /// Adds one that has this digest.
    pub(super) fn push(&mut self, passed: &Passed<'_>, digest: u64) {
        let Passed { shard, epoch, range, revision } = *passed;
        self.shards |= bit(shard.0);
        self.keys.extend_from_slice(range.start());
        let start = self.keys.len();
        self.keys.extend_from_slice(range.end().key().unwrap_or_default());
        let end = self.keys.len();
        self.entries.push(Entry { shard, epoch, revision, digest, start, end });
    }

    /// Has the one in this place loaded, but for its keys.
    pub(super) fn load_ahead(&self, place: usize) {
        if let Some(entry) = self.entries.get(place) {
            prefetch(entry, size_of::<Entry>());
        }
    }

    /// What the one in this place counts in a sum, which is known without a look at its keys.
    pub(super) fn digest(&self, place: usize) -> Option<u64> {
        self.entries.get(place).map(|entry| entry.digest)
    }

    pub(super) fn revision(&self, place: usize) -> Option<u64> {
        self.entries.get(place).map(|entry| entry.revision)
    }

    pub(super) fn last_revision(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.revision)
    }

    pub(super) fn get(&self, place: usize) -> Passed<'_> {
        let Entry { shard, epoch, revision, start, end, .. } = self.entries[place];
        let begin = place.checked_sub(1).map_or(0, |before| self.entries[before].end);
        let until = if start == end { KeyEnd::Unbounded } else { KeyEnd::At(&self.keys[start..end]) };
        Passed { shard, epoch, range: KeyRange::between(&self.keys[begin..start], until), revision }
    }

    /// Those from this place on, the oldest first.
    pub(super) fn from(&self, place: usize) -> impl DoubleEndedIterator<Item = Passed<'_>> {
        (place..self.len()).map(|place| self.get(place))
    }

    /// The first one of a shard, from this place on, in an epoch that is looked for.
    pub(super) fn find(
        &self,
        place: usize,
        shard: ShardId,
        is_it: impl Fn(u64) -> bool,
    ) -> Option<Passed<'_>> {
        let is_it = |entry: &Entry| entry.shard == shard && is_it(entry.epoch);
        self.entries[place..].iter().position(is_it).map(|beyond| self.get(place + beyond))
    }

    /// Whether what it says of its passings without a look at them is right.
    pub(super) fn is_whole(&self) -> bool {
        let shards = self.from(0).fold(0, |shards, passed| shards | bit(passed.shard.0));
        shards == self.shards
            && self.entries.iter().zip(self.from(0)).all(|(entry, passed)| entry.digest == passed.digest())
            && self.entries.last().map_or(0, |entry| entry.end) == self.keys.len()
    }
}
