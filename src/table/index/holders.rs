//! Which shards a node holds: a walk over the tree that leaves out the parts where the node has none, as far as their sums
//! of nodes tell.

use super::Index;
use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;
use super::weight::Weight;
use crate::shard::{NodeId, Shard};
use crate::table::bits::bit;

/// What a node does for a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::table) enum Role {
    Leads,
    /// Leads or replicates.
    Holds,
}

impl Role {
    fn may_be_in(self, weight: &Weight, node: NodeId) -> bool {
        let nodes = match self {
            Self::Leads => weight.nodes.leaders,
            Self::Holds => weight.nodes.holders,
        };
        nodes & bit(node.0) != 0
    }

    fn is_in(self, leaf: &Leaf, slot: usize, node: NodeId) -> bool {
        leaf.routes[slot].leader == node || self == Self::Holds && leaf.replicas(slot).contains(&node)
    }
}

impl Index {
    /// Every shard that `node` has this role for, in key order.
    pub(in crate::table) fn held_by(&self, node: NodeId, role: Role) -> impl Iterator<Item = Shard<'_>> {
        let mut walk = Walk { node, role, path: Vec::new(), leaf: None };
        match &self.root {
            None => {}
            Some(Node::Leaf(leaf)) => walk.leaf = Some((leaf, 0)),
            Some(Node::Inner(inner)) => walk.path.push((inner, 0)),
        }
        walk
    }
}

struct Walk<'t> {
    node: NodeId,
    role: Role,
    /// The inner nodes that are entered, and the next child of each.
    path: Vec<(&'t Inner, usize)>,
    /// The leaf that is entered, and its next slot.
    leaf: Option<(&'t Leaf, usize)>,
}

impl<'t> Iterator for Walk<'t> {
    type Item = Shard<'t>;

    fn next(&mut self) -> Option<Shard<'t>> {
        loop {
            if let Some((leaf, from)) = self.leaf.take() {
                let mut slots = from..leaf.len();
                if let Some(slot) = slots.find(|slot| self.role.is_in(leaf, *slot, self.node)) {
                    self.leaf = Some((leaf, slot + 1));
                    return Some(leaf.shard(slot));
                }
            }
            self.enter_next()?;
        }
    }
}

impl Walk<'_> {
    fn enter_next(&mut self) -> Option<()> {
        let (inner, next) = self.path.last_mut()?;
        let inner: &Inner = inner;
        let found = (*next..inner.children.len())
            .find(|place| self.role.may_be_in(&inner.weights[*place], self.node));
        match found {
            None => drop(self.path.pop()),
            Some(place) => {
                *next = place + 1;
                match &inner.children {
                    Children::Leaves(leaves) => self.leaf = Some((&leaves[place], 0)),
                    Children::Inners(inners) => self.path.push((&inners[place], 0)),
                }
            }
        }
        Some(())
    }
}
