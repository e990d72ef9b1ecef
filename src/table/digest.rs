//! A number that stands for all that a table holds, kept current as parts come and go: two tables that differ have different
//! ones, but for an accident in 2⁶⁴. The same on every machine. It guards against mistakes, not against malice.
//!
//! Each part has a digest of its own, and those are summed up ([Bellare and Micciancio 1997], without its defence against those
//! who choose parts), so that their order is of no account, and to replace one part costs one subtraction and one addition.
//!
//! [Bellare and Micciancio 1997]: https://doi.org/10.1007/3-540-69053-0_13

use super::lineage::Passed;
use super::{Memory, Table};
use crate::change::{Naming, Operation};
use crate::key::{KeyEnd, KeyRange};
use crate::node::Node;
use crate::shard::{NodeId, ShardRecord, Timestamp};

/// The sum over parts of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) fn of(parts: impl IntoIterator<Item = impl Part>) -> Self {
        let mut sum = Self::default();
        parts.into_iter().for_each(|part| sum.add(&part));
        sum
    }

    pub(super) fn add(&mut self, part: &impl Part) {
        self.put_in(part.digest());
    }

    pub(super) fn remove(&mut self, part: &impl Part) {
        self.take_out(part.digest());
    }

    /// A part of which the digest is known.
    pub(super) fn put_in(&mut self, digest: u64) {
        self.0 = self.0.wrapping_add(digest);
    }

    /// A part of which only the digest is known.
    pub(super) fn take_out(&mut self, digest: u64) {
        self.0 = self.0.wrapping_sub(digest);
    }
}

/// What is summed up.
pub(super) trait Part {
    fn words(&self, words: Words) -> Words;

    fn digest(&self) -> u64 {
        // Not from zero, which leading zeros would leave as it is.
        self.words(Words(Words::FACTOR)).finish()
    }
}

impl<P: Part> Part for &P {
    fn words(&self, words: Words) -> Words {
        P::words(self, words)
    }
}

/// Words that are taken in one after the other.
#[derive(Clone, Copy)]
pub(super) struct Words(u64);

impl Words {
    /// 2⁶⁴ by the golden ratio, as in Fibonacci hashing.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    #[inline]
    fn word(self, word: u64) -> Self {
        Self((self.0.rotate_left(23) ^ word).wrapping_mul(Self::FACTOR))
    }

    /// Eight at a time. The last eight are taken in whole, whatever of them has been: the length tells.
    #[inline]
    fn bytes(self, bytes: &[u8]) -> Self {
        let mut words = self.word(bytes.len() as u64);
        let mut rest = bytes;
        while let Some((whole, behind)) = rest.split_first_chunk() {
            words = words.word(u64::from_le_bytes(*whole));
            rest = behind;
        }
        match bytes.last_chunk() {
            _ if rest.is_empty() => words,
            Some(last) => words.word(u64::from_le_bytes(*last)),
            None => words.word(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
        }
    }

    #[inline]
    fn range(self, range: KeyRange<&[u8]>) -> Self {
        let words = self.bytes(range.first_key());
        match range.key_end() {
            KeyEnd::At(end) => words.bytes(end),
            KeyEnd::Unbounded => words.word(u64::MAX),
        }
    }

    fn time(self, time: Option<Timestamp>) -> Self {
        time.map_or(self.word(0), |Timestamp(time)| self.word(1).word(time))
    }

    /// The end of MurmurHash3: each bit tells in every other.
    fn finish(self) -> u64 {
        let half = |word: u64| word ^ (word >> 33);
        half(half(half(self.0).wrapping_mul(0xff51_afd7_ed55_8ccd)).wrapping_mul(0xc4ce_b9fe_1a85_ec53))
    }
}

impl Part for ShardRecord {
    #[inline]
    fn words(&self, words: Words) -> Words {
        let Self { id, range, state, leader, replicas, estimates, created, updated, version, epoch } = self;
        let words = words
            .word(id.0)
            .range(range.as_bytes())
            .word(leader.0)
            .word((replicas.len() as u64) << 8 | *state as u64);
        let words = replicas.iter().fold(words, |words, NodeId(node)| words.word(*node));
        let words = words.word(estimates.keys).word(estimates.bytes).word(created.0).word(updated.0);
        words.word(*version).word(epoch.range).word(epoch.members)
    }
}

impl Part for Node {
    fn words(&self, words: Words) -> Words {
        let words = words.word(self.id.0).bytes(self.address.as_bytes()).word(self.status as u64);
        let labels = self.labels.iter();
        labels.fold(words, |words, (name, value)| words.bytes(name.as_bytes()).bytes(value.as_bytes()))
    }
}

impl Part for Operation {
    fn words(&self, words: Words) -> Words {
        let naming = |naming: &Naming| *naming as u64;
        match self {
            Self::Split { shard, at, naming: ids, began } => {
                words.word(1).word(shard.0).bytes(at.as_bytes()).word(naming(ids)).time(*began)
            }
            Self::Merge { lower, upper, naming: ids, began } => {
                words.word(2).word(lower.0).word(upper.0).word(naming(ids)).time(*began)
            }
            Self::Transfer { shard, from, to, progress, began, reported } => {
                let words = words.word(3).word(shard.0).word(from.0).word(to.0);
                words.word(u64::from(progress.billionths())).time(*began).time(*reported)
            }
            Self::Relocation { shard, from, to, phase, progress, began, reported } => {
                let words = words.word(4).word(shard.0).word(from.0).word(to.0).word(*phase as u64);
                words.word(u64::from(progress.billionths())).time(*began).time(*reported)
            }
        }
    }
}

impl Part for Passed<'_> {
    fn words(&self, words: Words) -> Words {
        words.word(self.shard.0).word(self.epoch).range(self.range).word(self.revision)
    }
}

/// What a table is beside its parts.
impl Part for Table {
    fn words(&self, words: Words) -> Words {
        let Memory { passings, revisions } = self.memory();
        let words = words.word(self.revision).word(self.next_id).word(passings).word(revisions);
        let words =
            words.word(self.floor.epoch.range).word(self.floor.epoch.members).word(self.floor.version);
        let sums = [self.records, self.operations.sum(), self.nodes.sum(), self.lineage.sum()];
        sums.into_iter().fold(words, |words, sum| words.word(sum.0))
    }
}

impl Table {
    /// A number that stands for all that a [`TableImage`](super::TableImage) holds: equal tables have equal ones, on every
    /// machine, and tables that differ have different ones, but for an accident in 2⁶⁴. O(1): it is kept current by every
    /// change. Two processes compare their tables by it; it is no defence against somebody who forges one.
    ///
    /// ```
    /// use shardway::{NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// assert_eq!(Table::from_image(table.to_image())?.digest(), table.digest());
    /// assert_ne!(Table::whole(NodeId(2)).digest(), table.digest());
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> u64 {
        Part::digest(self)
    }
}
