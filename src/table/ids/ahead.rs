//! Asking for what is copied when an id is taken out, while its start is looked up. It may be taken out some changes later, but
//! will have come nearer by then.

use super::Ids;
use super::node::Node;
use super::tree::Tree;
use crate::shard::ShardId;

impl Ids {
    /// [`get`](Self::get), for a shard that is to be taken out.
    pub(in crate::table) fn get_to_remove(&self, ShardId(id): ShardId) -> Option<&[u8]> {
        self.get_or(id, || self.tree.get_to_remove(id))
    }
}

impl Tree {
    fn get_to_remove(&self, id: u64) -> Option<&[u8]> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Inner(inner) => {
                    node = &inner.children[inner.place(id)];
                    node.prefetch();
                    // There are few inner nodes, and all of them are near.
                    if let Node::Leaf(_) = node {
                        inner.warm();
                    }
                }
                Node::Leaf(leaf) => return leaf.get(id),
            }
        }
    }
}
