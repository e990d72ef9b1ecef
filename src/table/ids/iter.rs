//! Walks over all entries, and comparing two trees by them.

use std::slice;

use super::Ids;
use super::leaf::Leaf;
use super::node::Node;
use super::tree::Tree;
use crate::shard::ShardId;

/// All leaves of the tree in ascending order of their ids: what is still to come of each node on the way.
struct Leaves<'t>(Vec<slice::Iter<'t, Node>>);

impl Ids {
    /// All entries in ascending order of their ids.
    pub(in crate::table) fn iter(&self) -> impl Iterator<Item = (ShardId, &[u8])> {
        let in_tree = self.tree.iter().filter(|(id, _)| !self.beside.has_ended(id.0));
        in_tree.chain(self.beside.newest.iter().flat_map(Leaf::entries))
    }
}

impl Tree {
    pub(super) fn iter(&self) -> impl Iterator<Item = (ShardId, &[u8])> {
        Leaves(vec![self.root.as_slice().iter()]).flat_map(Leaf::entries)
    }
}

impl<'t> Iterator for Leaves<'t> {
    type Item = &'t Leaf;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.last_mut()?.next() {
                Some(Node::Inner(inner)) => self.0.push(inner.children.iter()),
                Some(Node::Leaf(leaf)) => return Some(leaf),
                None => drop(self.0.pop()),
            }
        }
    }
}

/// The same entries, however they are spread over nodes. O(n).
impl PartialEq for Ids {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}
