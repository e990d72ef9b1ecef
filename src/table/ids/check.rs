//! The invariants of the tree and of what is said beside it, each checked from scratch.

use std::ops::RangeInclusive;

use super::Ids;
use super::leaf::{self, Leaf};
use super::node::{self, Inner, Node};
use super::tree::Tree;
use crate::shard::ShardId;

impl Ids {
    /// What does not hold, if anything: ids ascend and lie where they are looked for, all leaves are equally deep, nodes are
    /// neither too full nor empty, starts lie end to end, and the length is right. O(n).
    pub(in crate::table) fn broken(&self) -> Option<&'static str> {
        self.tree.broken().or_else(|| self.broken_beside())
    }

    /// The same of what is said beside the tree.
    fn broken_beside(&self) -> Option<&'static str> {
        let newest_are_in_order = self.beside.newest.as_ref().is_none_or(|newest| {
            let last = self.tree.iter().last().map(|(ShardId(id), _)| id);
            let ids = || last.into_iter().chain(newest.ids());
            newest.is_whole()
                && (1..=leaf::FANOUT).contains(&newest.len())
                && ids().zip(ids().skip(1)).all(|(one, other)| one < other)
        });
        let ended = &self.beside.ended;
        let were_there = ended.iter().all(|id| self.tree.get(*id).is_some());
        let each_once = ended.iter().enumerate().all(|(place, id)| !ended[..place].contains(id));
        let is_beyond =
            self.iter().any(|(ShardId(id), _)| self.greatest.is_none_or(|greatest| greatest < id));
        let whole = [
            (newest_are_in_order, "the newest ids are not behind all others"),
            (were_there && each_once, "an id has ended that was not there"),
            (!is_beyond, "an id is greater than the greatest"),
        ];
        whole.into_iter().find_map(|(holds, fault)| (!holds).then_some(fault))
    }
}

impl Tree {
    fn broken(&self) -> Option<&'static str> {
        let Some(root) = &self.root else { return (self.len > 0).then_some("there is no root") };
        let mut walk = Walk { entries: 0, depth: None };
        let fault = match root {
            Node::Leaf(leaf) => walk.leaf(leaf, 0..=u64::MAX, 0),
            Node::Inner(inner) if inner.children.len() < 2 => Err("the root leads one way"),
            Node::Inner(inner) => walk.inner(inner, 0..=u64::MAX, 0),
        };
        fault.err().or((walk.entries != self.len).then_some("the tree has lost count"))
    }
}

/// What was seen so far, from left to right.
struct Walk {
    entries: usize,
    depth: Option<usize>,
}

impl Walk {
    fn inner(&mut self, inner: &Inner, ids: RangeInclusive<u64>, depth: usize) -> Result<(), &'static str> {
        let children = &inner.children;
        ensure(
            (1..=node::FANOUT).contains(&children.len()),
            "an inner node has too few or too many children",
        )?;
        let least = &inner.least[..children.len()];
        for (place, child) in children.iter().enumerate() {
            let from = if place == 0 { *ids.start() } else { least[place] };
            let to = least.get(place + 1).map_or(Some(*ids.end()), |next| next.checked_sub(1));
            let to = to.filter(|to| from <= *to).ok_or("least ids do not ascend")?;
            ensure(ids.contains(&from) && ids.contains(&to), "a least id belongs elsewhere")?;
            match child {
                Node::Leaf(leaf) => self.leaf(leaf, from..=to, depth + 1)?,
                Node::Inner(inner) => self.inner(inner, from..=to, depth + 1)?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &Leaf, ids: RangeInclusive<u64>, depth: usize) -> Result<(), &'static str> {
        ensure(*self.depth.get_or_insert(depth) == depth, "leaves are not equally deep")?;
        ensure(leaf.is_whole(), "starts do not lie end to end")?;
        ensure((1..=leaf::FANOUT).contains(&leaf.len()), "a leaf is empty or too full")?;
        ensure(leaf.ids().is_sorted_by(|one, other| one < other), "ids do not ascend")?;
        ensure(leaf.ids().all(|id| ids.contains(&id)), "an id belongs elsewhere")?;
        self.entries += leaf.len();
        Ok(())
    }
}

fn ensure(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
