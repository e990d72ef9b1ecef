//! Finding many ids at once: level by level, so that the nodes that each needs next are loaded while others are searched.

use std::iter::zip;

use arrayvec::ArrayVec;

use super::Ids;
use super::node::{Inner, Node};
use crate::shard::ShardId;
use crate::table::prefetch::{prefetch, prefetch_all};

impl Ids {
    /// Where these shards start, as far as they are there. O(log n) for each.
    pub(in crate::table) fn get_all<const MOST: usize>(
        &self,
        ids: &ArrayVec<ShardId, MOST>,
    ) -> ArrayVec<&[u8], MOST> {
        let Some(root) = &self.tree.root else {
            return ids.iter().filter_map(|id| self.get(*id)).collect();
        };
        let mut nodes: ArrayVec<&Node, MOST> = ids.iter().map(|_| root).collect();
        // All leaves are equally deep, so all are on one level.
        while let Some(Node::Inner(_)) = nodes.first() {
            for (node, ShardId(id)) in zip(&mut nodes, ids) {
                if let Node::Inner(inner) = *node {
                    *node = &inner.children[inner.place(*id)];
                    node.prefetch();
                }
            }
        }
        zip(nodes, ids).filter_map(|(node, ShardId(id))| self.get_or(*id, || node.get(*id))).collect()
    }
}

impl Node {
    fn prefetch(&self) {
        match self {
            Self::Leaf(leaf) => prefetch_all(&leaf.0),
            Self::Inner(inner) => prefetch(&**inner, size_of::<Inner>()),
        }
    }

    /// Of a leaf.
    fn get(&self, id: u64) -> Option<&[u8]> {
        match self {
            Self::Leaf(leaf) => leaf.get(id),
            Self::Inner(_) => None,
        }
    }
}
