//! Where each shard starts, by its id: a persistent B+tree from ids to byte strings. Finds the start of one id, changes one
//! entry, walks over all. What else is known of a shard, and that ids and starts fit the index, is not known here.
//!
//! A clone is O(1) and shares all nodes; a change copies one path of them. Publishing a change pays twice for each child of
//! each node on that path: its references are counted up when the path is copied, and down when the old one is dropped. So
//! inner nodes are small. [`leaf`] is how entries lie in memory, [`node`] the way to them, [`batch`] finds many at once, [`ahead`]
//! one that is to go; [`build`] makes trees of many entries at once, [`edit`] changes them, [`iter`] walks over them, [`check`] checks
//! every invariant.

mod ahead;
mod batch;
mod build;
mod check;
mod edit;
mod iter;
mod leaf;
mod node;

use crate::shard::ShardId;
use node::Node;

pub(super) use build::{Builder, FULL_LEAF};

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Ids {
    /// An inner node here has at least two children. Without entries there is none.
    root: Option<Node>,
    len: usize,
    /// Greater than every id that is there, or has been: who comes behind it belongs into the last leaf.
    beyond: u64,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the shard starts. O(log n).
    pub(super) fn get(&self, ShardId(id): ShardId) -> Option<&[u8]> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Inner(inner) => node = &inner.children[inner.place(id)],
                Node::Leaf(leaf) => return leaf.get(id),
            }
        }
    }

    /// About how many bytes each entry takes, but for its start.
    pub(super) fn entry_bytes(&self) -> usize {
        leaf::ENTRY + (size_of::<Node>() + 3 * size_of::<u64>()) / leaf::FANOUT
    }
}

#[cfg(test)]
mod tests;
