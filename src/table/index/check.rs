//! The invariants of the tree, each checked from scratch, for [`Table::verify`](crate::Table::verify).

use super::heads::FANOUT;
use super::node::{Children, Inner, Leaf, Node};
use super::{Entry, Index};
use crate::key::{Key, KeyEnd};

impl Index {
    /// What does not hold, if anything: starts ascend, heads and first keys are found, all leaves are equally deep, nodes
    /// are neither too full nor empty, what look-ups return is what the records say, and the length is right.
    pub(in crate::table) fn broken(&self) -> Option<&'static str> {
        let Some(root) = &self.root else { return (self.len > 0).then_some("there is no root") };
        let mut walk = Walk { last: None, entries: 0, depth: None };
        let fault = match root {
            Node::Leaf(leaf) => walk.leaf(leaf, 0),
            Node::Inner(inner) => walk.inner(inner, 0),
        };
        let first = self.run(&[], KeyEnd::Unbounded).next().map(|entry| entry.range.start_key());
        let fault = fault.and_then(|()| ensure(first == Some(&self.first), "the first key is not the first"));
        fault.err().or((walk.entries != self.len).then_some("the index has lost count"))
    }
}

/// What was seen so far, from left to right.
struct Walk<'t> {
    last: Option<&'t Entry>,
    entries: usize,
    depth: Option<usize>,
}

impl<'t> Walk<'t> {
    fn inner(&mut self, inner: &'t Inner, depth: usize) -> Result<(), &'static str> {
        let children = &inner.children;
        ensure(
            children.len() >= 2 && children.len() <= FANOUT,
            "an inner node has too few or too many children",
        )?;
        ensure(inner.heads.len() == children.len(), "an inner node has lost count")?;
        for place in 0..children.len() {
            let first = children.first_key(place).as_bytes();
            ensure(inner.place(first, 0).0 == place, "a first key leads to another child")?;
            match children {
                Children::Leaves(leaves) => self.leaf(&leaves[place], depth + 1)?,
                Children::Inners(inners) => self.inner(&inners[place], depth + 1)?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &'t Leaf, depth: usize) -> Result<(), &'static str> {
        ensure(*self.depth.get_or_insert(depth) == depth, "leaves are not equally deep")?;
        ensure((1..=FANOUT).contains(&leaf.records.len()), "a leaf is empty or too full")?;
        ensure(leaf.heads.len() == leaf.records.len(), "a leaf has lost count")?;
        for (slot, record) in leaf.records.iter().enumerate() {
            let start: &Key = record.range.start_key();
            ensure(self.last.is_none_or(|last| last.range.start_key() < start), "starts do not ascend")?;
            ensure(leaf.slot(start.as_bytes(), 0) == slot, "a start has another rank")?;
            ensure(leaf.routes[slot] == record.route(), "a route is not that of its record")?;
            let next = leaf.records.get(slot + 1);
            let open = next.is_none_or(|next| !record.range.is_before_and_adjacent(&next.range));
            ensure((leaf.heads.marks >> slot & 1 != 0) == open, "an end is not known to be open")?;
            self.last = Some(record);
        }
        self.entries += leaf.records.len();
        Ok(())
    }
}

fn ensure(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
