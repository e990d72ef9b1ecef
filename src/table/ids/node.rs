//! What the tree is made of, and the way through it to an id. How to change it is the business of [`super::edit`].

use std::iter::zip;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::leaf::Leaf;
use crate::table::prefetch::prefetch_counts;

/// How many children an inner node has at most.
pub(super) const FANOUT: usize = 16;

/// A part of the tree. Every leaf is equally deep.
#[derive(Clone)]
pub(super) enum Node {
    Leaf(Leaf),
    Inner(Arc<Inner>),
}

/// Neighbouring nodes of one kind.
#[derive(Default)]
pub(super) struct Inner {
    /// For each child, what no id under it is less than and all ids before it are. That of the first takes no part. An
    /// array, because that is copied at once; beyond the children it means nothing.
    pub(super) least: [u64; FANOUT],
    pub(super) children: ArrayVec<Node, FANOUT>,
}

impl Node {
    /// How many entries or children there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    fn prefetch_counts(&self) {
        match self {
            Self::Leaf(leaf) => prefetch_counts(&leaf.0),
            Self::Inner(inner) => prefetch_counts(inner),
        }
    }
}

impl Inner {
    /// Of no more children than fit, each with its least id.
    pub(super) fn of(children: impl IntoIterator<Item = (u64, Node)>) -> Self {
        let mut inner = Self::default();
        for (least, child) in children {
            inner.insert(inner.children.len(), least, child);
        }
        inner
    }

    /// The child that `id` belongs to. Without a branch that depends on ids.
    #[inline]
    pub(super) fn place(&self, id: u64) -> usize {
        self.least[1..self.children.len()].iter().map(|least| usize::from(*least <= id)).sum()
    }

    pub(super) fn insert(&mut self, place: usize, least: u64, child: Node) {
        self.least.copy_within(place..self.children.len(), place + 1);
        self.least[place] = least;
        self.children.insert(place, child);
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.least.copy_within(place + 1.., place);
        self.children.remove(place);
    }

    pub(super) fn split_off(&mut self, place: usize) -> Self {
        Self::of(zip(self.least[place..].iter().copied(), self.children.drain(place..)))
    }

    /// Fills an empty node with what another has, but for the child in one place. That one is not counted up just to be
    /// counted down again.
    #[inline]
    pub(super) fn fill_from(&mut self, other: &Self, place: usize, child: Node) {
        self.least = other.least;
        self.children.extend(other.children[..place].iter().cloned());
        self.children.push(child);
        self.children.extend(other.children[place + 1..].iter().cloned());
    }

    /// Has the counts of all children come into the cache at the same time: counting up waits for each miss in turn.
    pub(super) fn warm(&self) {
        self.children.iter().for_each(Node::prefetch_counts);
    }
}
