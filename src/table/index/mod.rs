//! The range index: a persistent B+tree from the start of each shard to all that is known of it. Finds the shard at or
//! before a key, replaces a run of neighbours by another run, iterates both ways from a key, sums up ranges, compares two
//! versions. Nothing outside this module knows how.
//!
//! A clone is O(1) and shares all nodes; a change copies one path of them. [`heads`] searches in a node, by the bytes that
//! [`columns`] picks, out of a key by a [`window`], and where that does not do by [`forks`], over a [`stretch`] of it, in code
//! that [`wide`] suits to the processor; [`search`] goes down from node to node with a [`probe`], [`owner`] as fast as can be,
//! [`batch`] with many keys at once, [`ahead`] for changes to come, [`finger`] not at all where the last key was near, and
//! [`cursor`] along with keys in order. [`leaf`] and [`inner`] are what nodes are, with their [`keys`] and [`weight`]; [`build`]
//! makes them of many shards at once, [`edit`] changes them, and [`spare`] has some to make them of; [`iter`] walks over them,
//! [`totals`] sums up, [`holders`] finds what a node holds, [`diff`] compares two versions, [`check`] checks every invariant.

mod ahead;
mod batch;
mod build;
mod check;
mod columns;
mod cursor;
mod diff;
mod edit;
mod finger;
mod forks;
mod heads;
mod holders;
mod inner;
mod iter;
mod keys;
mod leaf;
mod owner;
mod probe;
mod search;
mod spare;
mod stretch;
mod totals;
mod weight;
mod wide;
mod window;

use crate::key::Key;
use crate::shard::{Route, Shard};
use inner::{Inner, Node};
use iter::Place;
use leaf::Leaf;
use owner::Owner;
use wide::Processor;

pub(super) use build::{Builder, FULL_LEAF};
pub(super) use diff::EntryDiff;
pub(crate) use finger::Finger;
pub(super) use holders::Role;
pub(super) use iter::Run;
pub(super) use keys::MOST_BYTES;
pub(super) use leaf::MOST_REPLICAS;
pub(super) use weight::Weight;

/// See the module.
#[derive(Clone)]
pub(super) struct Index {
    root: Option<Node>,
    len: usize,
    /// Where the first shard starts. In a table that covers the keyspace that is the empty key.
    first: Key,
    /// How many bytes all starts but the first have in common at their beginning, at least.
    common: usize,
    processor: Processor,
}

impl Default for Index {
    fn default() -> Self {
        let (first, processor) = (Key::empty(), Processor::detect());
        Self { root: None, len: 0, first, common: 0, processor }
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The route of the shard that owns `key`, borrowed: a copy that is handed through several calls costs more than to find
    /// the place of one in a leaf.
    #[inline]
    pub(super) fn route(&self, key: &[u8]) -> Option<&Route> {
        self.processor.run(Owner(self), key).map(Place::route)
    }

    /// Whether `key` comes before all shards.
    #[inline]
    fn comes_before(&self, key: &[u8]) -> bool {
        let first = self.first.as_bytes();
        !first.is_empty() && key < first
    }

    /// The shard that starts exactly here.
    pub(super) fn get(&self, start: &[u8]) -> Option<Shard<'_>> {
        self.floor(start).filter(|shard| shard.start() == start)
    }

    /// The last shard that starts at or before `key`.
    pub(super) fn floor(&self, key: &[u8]) -> Option<Shard<'_>> {
        Some(self.place(key)?.shard())
    }

    /// The last shard that starts before `key`.
    pub(super) fn before(&self, key: &[u8]) -> Option<Shard<'_>> {
        Some(self.place_before(key)?.shard())
    }

    /// The first shard that starts after `key`.
    pub(super) fn after(&self, key: &[u8]) -> Option<Shard<'_>> {
        Some(self.place_after(key)?.shard())
    }

    /// About how many bytes each shard takes.
    pub(super) fn shard_bytes(&self) -> usize {
        self.first_leaf().map_or(0, |leaf| leaf.size() / leaf.len().max(1))
    }

    fn first_leaf(&self) -> Option<&Leaf> {
        self.first_place().map(|place| place.leaf)
    }

    /// About how many bytes one change to one shard replaces: a path of nodes.
    pub(super) fn path_bytes(&self) -> usize {
        let levels = self.len.max(1).ilog(heads::INNER / 2) as usize;
        self.first_leaf().map_or(0, Leaf::size) + levels * size_of::<Inner>()
    }
}

#[cfg(test)]
mod tests;
