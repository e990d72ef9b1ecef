//! The range index: a persistent B+tree from the start of each shard to its record and its route. Finds the entry at or
//! before a key, replaces a run of neighbours by another run, iterates both ways from a key, compares two versions. Nothing
//! outside this module knows how.
//!
//! A clone is O(1) and shares all nodes; a change copies one path of them. [`heads`] searches in a node, by the bytes that
//! [`columns`] picks; [`node`] is what nodes are, [`edit`] changes them, [`iter`] walks over them, [`diff`] compares two
//! versions, [`check`] checks every invariant.

mod check;
mod columns;
mod diff;
mod edit;
mod heads;
mod iter;
mod node;
mod prefetch;

use std::sync::Arc;

use crate::key::Key;
use crate::shard::{Route, ShardRecord};
use node::{Children, Leaf, Node};

pub(super) use diff::EntryDiff;
pub(super) use iter::Run;

/// What the index keeps for each shard.
pub(super) type Entry = Arc<ShardRecord>;

/// See the module.
#[derive(Clone)]
pub(super) struct Index {
    root: Option<Node>,
    len: usize,
    /// Where the first entry starts. In a table that covers the keyspace that is the empty key.
    first: Key,
}

impl Default for Index {
    fn default() -> Self {
        Self { root: None, len: 0, first: Key::empty() }
    }
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The route of the shard that owns `key`.
    #[inline]
    pub(super) fn route(&self, key: &[u8]) -> Option<Route> {
        let (leaf, agreed) = self.leaf(key)?;
        let slot = leaf.slot(key, agreed);
        if leaf.heads.marks >> slot & 1 != 0 && !leaf.records[slot].range.end().is_above(key) {
            return None;
        }
        Some(leaf.routes[slot])
    }

    /// The leaf that `key` belongs to, unless it comes before all entries, and how many of its bytes all keys of the leaf
    /// are known to have.
    #[inline]
    fn leaf(&self, key: &[u8]) -> Option<(&Leaf, usize)> {
        let mut agreed = 0;
        if key < self.first.as_bytes() {
            return None;
        }
        let mut inner = match self.root.as_ref()? {
            Node::Leaf(leaf) => return Some((leaf, 0)),
            Node::Inner(inner) => inner,
        };
        loop {
            let place;
            (place, agreed) = inner.place(key, agreed);
            match &inner.children {
                Children::Inners(inners) => inner = &inners[place],
                Children::Leaves(leaves) => {
                    // The lines that the search in the leaf may need, at once instead of one after the other.
                    prefetch::prefetch(&leaves[place].heads, size_of::<heads::Heads>());
                    return Some((&leaves[place], agreed));
                }
            }
        }
    }

    /// The entry that starts exactly here.
    pub(super) fn get(&self, start: &[u8]) -> Option<&Entry> {
        self.floor(start).filter(|entry| entry.range.start() == start)
    }

    /// The last entry that starts at or before `key`.
    pub(super) fn floor(&self, key: &[u8]) -> Option<&Entry> {
        Some(self.place(key)?.entry())
    }

    /// The last entry that starts before `key`.
    pub(super) fn before(&self, key: &[u8]) -> Option<&Entry> {
        Some(self.place_before(key)?.entry())
    }

    /// The first entry that starts after `key`.
    pub(super) fn after(&self, key: &[u8]) -> Option<&Entry> {
        Some(self.place_after(key)?.entry())
    }

    /// Takes the entries of `old`, which are neighbours, out and puts `new`, which cover no more, in their place.
    pub(super) fn replace(&mut self, old: &[Entry], new: Vec<ShardRecord>) {
        for entry in old {
            let start = entry.range.start();
            if !new.iter().any(|record| record.range.start() == start) {
                self.remove(start);
            }
        }
        for record in new {
            self.insert(Arc::new(record));
        }
    }

    /// About how many bytes each entry takes, with its record.
    pub(super) fn entry_bytes(&self) -> usize {
        const ROOM: usize = size_of::<Leaf>() / heads::FANOUT;
        ROOM + 2 * size_of::<Entry>() + size_of::<ShardRecord>() + size_of::<Key>()
    }

    /// About how many bytes one change to one entry replaces: a path of nodes.
    pub(super) fn path_bytes(&self) -> usize {
        let levels = self.len.max(1).ilog(heads::FANOUT / 2) as usize;
        size_of::<Leaf>() + levels * (size_of::<node::Inner>() + heads::FANOUT * size_of::<Entry>())
    }
}

#[cfg(test)]
mod tests;
