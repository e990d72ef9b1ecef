//! The invariants of the tree, each checked from scratch, for [`Table::verify`](crate::Table::verify).

use super::Index;
use super::heads::{INNER, LEAF};
use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;
use super::probe::Probe;
use super::wide::Narrow;
use crate::key::KeyEnd;

impl Index {
    /// What does not hold, if anything: starts ascend, heads and first keys are found, all leaves are equally deep, nodes
    /// are neither too full nor empty, sums are those of what is below, and the length is right.
    pub(in crate::table) fn broken(&self) -> Option<&'static str> {
        let Some(root) = &self.root else { return (self.len > 0).then_some("there is no root") };
        let mut walk = Walk { last: None, shards: 0, depth: None };
        let fault = match root {
            Node::Leaf(leaf) => walk.leaf(leaf, 0),
            Node::Inner(inner) => walk.inner(inner, 0),
        };
        let first = self.run(&[], KeyEnd::Unbounded).next().map(|shard| shard.start());
        let fault = fault
            .and_then(|()| ensure(first == Some(self.first.as_bytes()), "the first key is not the first"));
        let fault = fault.and_then(|()| self.all_share_what_is_common());
        fault.err().or((walk.shards != self.len).then_some("the index has lost count"))
    }

    fn all_share_what_is_common(&self) -> Result<(), &'static str> {
        if let Some(Node::Inner(root)) = &self.root {
            let common = root.keys.get(1).get(..self.common);
            let others = self.run(&[], KeyEnd::Unbounded).skip(1);
            let mut parts = others.map(|shard| shard.start().get(..self.common));
            ensure(
                common.is_some() && parts.all(|part| part == common),
                "a start departs from what all have",
            )?;
        }
        Ok(())
    }
}

/// What was seen so far, from left to right.
struct Walk<'t> {
    last: Option<&'t [u8]>,
    shards: usize,
    depth: Option<usize>,
}

impl<'t> Walk<'t> {
    fn inner(&mut self, inner: &'t Inner, depth: usize) -> Result<(), &'static str> {
        let children = &inner.children;
        ensure((2..=INNER).contains(&children.len()), "an inner node has too few or too many children")?;
        ensure(inner.heads.len() == children.len(), "an inner node has lost count")?;
        for place in 0..children.len() {
            let first = children.first_key(place);
            ensure(inner.keys.get(place) == first, "a first key is not that of the child")?;
            ensure(inner.place(first) == place, "a first key leads to another child")?;
            match children {
                Children::Leaves(leaves) => self.leaf(&leaves[place], depth + 1)?,
                Children::Inners(inners) => self.inner(&inners[place], depth + 1)?,
            }
            ensure(inner.weights[place] == children.weight(place), "a sum is not that of what is below")?;
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &'t Leaf, depth: usize) -> Result<(), &'static str> {
        ensure(*self.depth.get_or_insert(depth) == depth, "leaves are not equally deep")?;
        ensure((1..=LEAF).contains(&leaf.len()), "a leaf is empty or too full")?;
        ensure(leaf.heads.len() == leaf.len(), "a leaf has lost count")?;
        for slot in 0..leaf.len() {
            let start = leaf.start(slot);
            ensure(self.last.is_none_or(|last| last < start), "starts do not ascend")?;
            ensure(leaf.slot::<Narrow>(&Probe::new(start), 0) == slot, "a start has another rank")?;
            let adjacent = slot + 1 < leaf.len() && leaf.end(slot) == KeyEnd::At(leaf.start(slot + 1));
            ensure(leaf.is_marked(slot) != adjacent, "an end is kept twice")?;
            self.last = Some(start);
        }
        self.shards += leaf.len();
        Ok(())
    }
}

fn ensure(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
