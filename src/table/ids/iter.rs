//! Walks over all entries, and comparing two trees by them.

use std::slice;

use super::Ids;
use super::leaf::Leaf;
use super::node::Node;
use super::tree::Tree;
use crate::shard::ShardId;

/// All entries of the tree in ascending order of their ids.
pub(super) struct Iter<'t> {
    /// What is still to come of each node on the way.
    nodes: Vec<slice::Iter<'t, Node>>,
    leaf: Option<&'t Leaf>,
    place: usize,
}

impl Ids {
    /// All entries in ascending order of their ids.
    pub(in crate::table) fn iter(&self) -> impl Iterator<Item = (ShardId, &[u8])> {
        let in_tree = self.tree.iter().filter(|(id, _)| !self.beside.has_ended(id.0));
        in_tree.chain(self.beside.newest.iter().flat_map(Leaf::entries))
    }
}

impl Tree {
    pub(super) fn iter(&self) -> Iter<'_> {
        Iter { nodes: vec![self.root.as_slice().iter()], leaf: None, place: 0 }
    }
}

impl<'t> Iterator for Iter<'t> {
    type Item = (ShardId, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(leaf) = self.leaf.filter(|leaf| self.place < leaf.len()) {
                self.place += 1;
                return Some((ShardId(leaf.id(self.place - 1)), leaf.start(self.place - 1)));
            }
            match self.nodes.last_mut()?.next() {
                Some(Node::Inner(inner)) => self.nodes.push(inner.children.iter()),
                Some(Node::Leaf(leaf)) => (self.leaf, self.place) = (Some(leaf), 0),
                None => drop(self.nodes.pop()),
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
