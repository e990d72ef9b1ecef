//! Sums over ranges, and the places where sums reach a number, from the sums in the inner nodes.

use super::Index;
use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;
use super::probe::Probe;
use super::weight::Weight;
use super::wide::Narrow;
use crate::key::KeyEnd;
use crate::shard::Shard;

/// Some of the shards: those that start in `[start, end)`; no start means that the first one is included too.
#[derive(Clone, Copy)]
struct Part<'k> {
    start: Option<&'k [u8]>,
    end: KeyEnd<&'k [u8]>,
}

impl Index {
    /// Of all shards that start in `[start, end)`. O(log n).
    pub(in crate::table) fn total(&self, start: &[u8], end: KeyEnd<&[u8]>) -> Weight {
        let start = Some(start).filter(|start| *start > self.first.as_bytes());
        let part = Part { start, end };
        match &self.root {
            Some(_) if !end.is_above(start.unwrap_or(self.first.as_bytes())) => Weight::default(),
            None => Weight::default(),
            Some(Node::Leaf(leaf)) => leaf.total(part),
            Some(Node::Inner(inner)) => inner.total(part),
        }
    }

    /// The first shard with which the sum over all shards up to it, itself included, is above `sum`; and the sum without it.
    /// O(log n).
    pub(in crate::table) fn where_sum_exceeds(
        &self,
        sum: u128,
        measure: impl Fn(&Weight) -> u128,
    ) -> Option<(Shard<'_>, u128)> {
        let mut before = 0;
        let mut node = match self.root.as_ref()? {
            Node::Leaf(leaf) => return leaf.where_sum_exceeds(sum, before, measure),
            Node::Inner(inner) => inner,
        };
        loop {
            let weights = &node.weights[..node.children.len()];
            let place = weights.iter().position(|weight| {
                let after = before + measure(weight);
                let exceeds = after > sum;
                before = if exceeds { before } else { after };
                exceeds
            })?;
            match &node.children {
                Children::Inners(inners) => node = &inners[place],
                Children::Leaves(leaves) => return leaves[place].where_sum_exceeds(sum, before, measure),
            }
        }
    }
}

impl Leaf {
    fn total(&self, part: Part<'_>) -> Weight {
        let from = part.start.map_or(0, |start| self.first_from(start));
        let to = part.end.key().map_or(self.len(), |end| self.first_from(end));
        (from..to).map(|slot| self.weight_of(slot)).sum()
    }

    /// The slot of the first shard that starts at or after `key`.
    fn first_from(&self, key: &[u8]) -> usize {
        if key <= self.start(0) {
            return 0;
        }
        let slot = self.slot::<Narrow>(&Probe::new(key), 0);
        if self.start(slot) == key { slot } else { slot + 1 }
    }

    fn where_sum_exceeds(
        &self,
        sum: u128,
        mut before: u128,
        measure: impl Fn(&Weight) -> u128,
    ) -> Option<(Shard<'_>, u128)> {
        for slot in 0..self.len() {
            let after = before + measure(&self.weight_of(slot));
            if after > sum {
                return Some((self.shard(slot), before));
            }
            before = after;
        }
        None
    }
}

impl Inner {
    /// The children in between count as a whole; only the outermost ones are entered.
    fn total(&self, part: Part<'_>) -> Weight {
        let first = part.start.map_or(0, |start| self.place(start));
        let last = match part.end {
            KeyEnd::Unbounded => self.children.len() - 1,
            KeyEnd::At(end) => self.place(end),
        };
        let under = |place: usize| {
            let start = part.start.filter(|_| place == first);
            let end = if place == last { part.end } else { KeyEnd::Unbounded };
            if start.is_none() && end == KeyEnd::Unbounded {
                return self.weights[place];
            }
            let part = Part { start, end };
            match &self.children {
                Children::Leaves(leaves) => leaves[place].total(part),
                Children::Inners(inners) => inners[place].total(part),
            }
        };
        (first..=last).map(under).sum()
    }
}
