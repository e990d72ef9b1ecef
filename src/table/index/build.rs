//! Building the tree at once, from records in order: leaves side by side, and then level by level what is above them.

use std::ops::Range;

use super::Index;
use super::heads::{INNER, LEAF};
use super::inner::{Inner, Node};
use super::leaf::Leaf;
use crate::shard::ShardRecord;

/// How many records such a leaf holds, and children such a node: a few changes find room.
pub(in crate::table) const FULL_LEAF: usize = LEAF * 7 / 8;
const FULL_INNER: usize = INNER * 7 / 8;

/// See the module.
#[derive(Default)]
pub(in crate::table) struct Builder {
    leaves: Vec<Node>,
    len: usize,
}

impl Builder {
    /// Takes records in ascending order of their starts, greater than those before. Leaves of their own are made of them: a
    /// multiple of [`FULL_LEAF`] fills them. O(n).
    pub(in crate::table) fn add(&mut self, records: &[ShardRecord]) {
        let leaves = in_parts(records.len(), FULL_LEAF).map(|part| Leaf::of(&records[part]));
        self.leaves.extend(leaves.map(Node::Leaf));
        self.len += records.len();
    }

    pub(in crate::table) fn finish(self) -> Index {
        let mut level = self.leaves;
        while level.len() > 1 {
            let mut nodes = level.into_iter();
            let parts = in_parts(nodes.len(), if nodes.len() <= INNER { INNER } else { FULL_INNER });
            level = parts.map(|part| Node::Inner(Inner::above(nodes.by_ref().take(part.len())))).collect();
        }
        let mut index = Index { root: level.pop(), len: self.len, ..Index::default() };
        index.learn_first();
        index.learn_common();
        index
    }
}

impl Index {
    /// Takes records in ascending order of their starts. O(n).
    pub(in crate::table) fn from_sorted(records: &[ShardRecord]) -> Self {
        let mut builder = Builder::default();
        builder.add(records);
        builder.finish()
    }
}

/// So many items in as few parts as have no more than `most` each, and as evenly as can be.
fn in_parts(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = len.div_ceil(most);
    (0..parts).map(move |part| part * len / parts..(part + 1) * len / parts)
}
