//! The inner nodes of the tree: the way to the leaves, and what they hold all together.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::heads::{Heads, INNER};
use super::keys::Keys;
use super::leaf::Leaf;
use super::probe::Probe;
use super::spare::make;
use super::weight::{NodeSets, Weight};
use super::wide::{Lanes, Narrow};

/// Neighbouring nodes of one kind.
#[repr(C)]
pub(super) struct Inner {
    /// Of the first key of each child, exactly: a key that is at least that is never less than all keys of the child.
    pub(super) heads: Heads<INNER>,
    pub(super) children: Children,
    pub(super) keys: Keys,
    pub(super) weights: [Weight; INNER],
}

pub(super) type Siblings<N> = ArrayVec<Arc<N>, INNER>;

/// Children are all leaves or all inner nodes: every leaf is equally deep.
#[derive(Clone)]
pub(super) enum Children {
    Leaves(Siblings<Leaf>),
    Inners(Siblings<Inner>),
}

/// A part of the tree.
#[derive(Clone)]
pub(super) enum Node {
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

impl Inner {
    pub(super) fn of(children: Children) -> Arc<Self> {
        make(|inner: &mut Self| {
            inner.children = children;
            inner.learn_all();
        })
    }

    /// What all children tell.
    pub(super) fn learn_all(&mut self) {
        let Self { heads, children, keys, weights } = self;
        *keys = Keys::of((0..children.len()).map(|place| children.first_key(place)));
        *heads = Heads::of(children.len(), |place| keys.get(place));
        weights.iter_mut().enumerate().for_each(|(place, weight)| *weight = children.weight(place));
    }

    /// The place of the child that `key` belongs to: the last one whose first key is at or before it, or the first.
    pub(super) fn place(&self, key: &[u8]) -> usize {
        self.step::<Narrow>(&Probe::new(key), 0, 0).0
    }

    /// A step down the tree: [`place`](Self::place), for a key whose first `agreed` bytes are known to be those of all keys
    /// here; and how many bytes of it all keys under that child are known to have. All keys of the tree have `common` ones.
    #[inline(always)]
    pub(super) fn step<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize, common: usize) -> (usize, usize) {
        if let Some(rank) = self.heads.first_rank::<L>(probe) {
            return (rank - 1, agreed);
        }
        self.below(self.heads.rank::<L>(probe, agreed, &self.keys), common)
    }

    /// The same, if heads tell at once.
    #[inline(always)]
    pub(super) fn quick_step<L: Lanes>(
        &self,
        probe: &Probe<'_>,
        agreed: usize,
        common: usize,
    ) -> Option<(usize, usize)> {
        match self.heads.first_rank::<L>(probe) {
            Some(rank) => Some((rank - 1, agreed)),
            None => Some(self.below(self.heads.window_rank::<L>(probe, agreed)?, common)),
        }
    }

    /// Which child it is, and what is known under it, of a rank here and of what is known of the key at that.
    #[inline(always)]
    fn below(&self, (rank, agrees): (usize, usize), common: usize) -> (usize, usize) {
        // Under the outermost children there are keys outside of what the heads were made from, but none outside of what the tree
        // has. As a product: for which child it is nobody can guess, and a wrong guess takes longer than the rest of the step.
        let is_between = rank.wrapping_sub(2) < self.heads.len().wrapping_sub(2);
        let common = common.min(agrees);
        (rank - 1, common + (agrees - common) * usize::from(is_between))
    }

    pub(super) fn weight(&self) -> Weight {
        self.weights[..self.children.len()].iter().copied().sum()
    }

    /// Those of its weight.
    fn nodes(&self) -> NodeSets {
        let mut nodes = NodeSets::default();
        self.weights[..self.children.len()].iter().for_each(|weight| nodes.add(weight.nodes));
        nodes
    }
}

impl Default for Inner {
    /// Over nothing, to be filled.
    fn default() -> Self {
        let (heads, children, keys) = (Heads::default(), Children::Leaves(ArrayVec::new()), Keys::default());
        Self { heads, children, keys, weights: [Weight::default(); INNER] }
    }
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        let Self { heads, weights, .. } = *self;
        Self { heads, children: self.children.clone(), keys: self.keys.clone(), weights }
    }

    fn clone_from(&mut self, other: &Self) {
        let len = other.children.len();
        self.heads = other.heads;
        self.weights[..len].copy_from_slice(&other.weights[..len]);
        self.children = other.children.clone();
        self.keys = other.keys.clone();
    }
}

impl Node {
    pub(super) fn weight(&self) -> Weight {
        match self {
            Self::Leaf(leaf) => leaf.weight(),
            Self::Inner(inner) => inner.weight(),
        }
    }

    pub(super) fn first_key(&self) -> &[u8] {
        match self {
            Self::Leaf(leaf) => leaf.start(0),
            Self::Inner(inner) => inner.keys.get(0),
        }
    }
}

impl Children {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaves(leaves) => leaves.len(),
            Self::Inners(inners) => inners.len(),
        }
    }

    pub(super) fn get(&self, place: usize) -> Node {
        match self {
            Self::Leaves(leaves) => Node::Leaf(Arc::clone(&leaves[place])),
            Self::Inners(inners) => Node::Inner(Arc::clone(&inners[place])),
        }
    }

    pub(super) fn first_key(&self, place: usize) -> &[u8] {
        match self {
            Self::Leaves(leaves) => leaves[place].start(0),
            Self::Inners(inners) => inners[place].keys.get(0),
        }
    }

    /// How many entries or children a child has.
    pub(super) fn size(&self, place: usize) -> usize {
        match self {
            Self::Leaves(leaves) => leaves[place].len(),
            Self::Inners(inners) => inners[place].children.len(),
        }
    }

    /// Nothing, where there is no child.
    pub(super) fn weight(&self, place: usize) -> Weight {
        match self {
            Self::Leaves(leaves) => leaves.get(place).map(|leaf| leaf.weight()),
            Self::Inners(inners) => inners.get(place).map(|inner| inner.weight()),
        }
        .unwrap_or_default()
    }

    /// Those of its weight.
    pub(super) fn nodes(&self, place: usize) -> NodeSets {
        match self {
            Self::Leaves(leaves) => leaves[place].nodes(),
            Self::Inners(inners) => inners[place].nodes(),
        }
    }
}
