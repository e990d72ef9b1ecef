//! What the tree is made of: leaves with the shards, and inner nodes with the way to them. How to search in a node is the
//! business of [`super::heads`], how to change one that of [`super::edit`].

use std::sync::Arc;

use super::Entry;
use super::heads::{FANOUT, Heads, Rank};
use crate::key::Key;
use crate::shard::{Epoch, NodeId, Route, ShardId, ShardState};

/// Neighbouring shards. What a look-up returns lies in the leaf; the records are one step away.
#[derive(Clone)]
pub(super) struct Leaf {
    /// Marked are the shards that may end before the next one in the leaf starts, so that a key above the start need not
    /// be the shard's own.
    pub(super) heads: Heads,
    pub(super) routes: [Route; FANOUT],
    pub(super) records: Vec<Entry>,
}

/// Neighbouring nodes of one kind.
#[derive(Clone)]
pub(super) struct Inner {
    /// Of the first key of each child, exactly: a key that is at least that is never less than all keys of the child.
    pub(super) heads: Heads,
    pub(super) children: Children,
}

/// Children are all leaves or all inner nodes: every leaf is equally deep.
#[derive(Clone)]
pub(super) enum Children {
    Leaves(Vec<Arc<Leaf>>),
    Inners(Vec<Arc<Inner>>),
}

/// A part of the tree.
#[derive(Clone)]
pub(super) enum Node {
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

/// What fills the places of a leaf that are not in use.
pub(super) const NO_ROUTE: Route = Route {
    shard: ShardId(0),
    epoch: Epoch { range: 0, members: 0 },
    leader: NodeId(0),
    state: ShardState::Offline,
};

impl Leaf {
    /// The slot of the last shard that starts at or before `key`, which is not less than the first start.
    #[inline]
    pub(super) fn slot(&self, key: &[u8], agreed: usize) -> usize {
        match self.heads.rank(key, agreed).0 {
            Rank::Exactly(rank) => rank - 1,
            Rank::Between(least, most) => {
                least - 1 + self.records[least..most].partition_point(|record| record.range.start() <= key)
            }
        }
    }

    pub(super) fn key(&self, place: usize) -> &Key {
        self.records[place].range.start_key()
    }
}

impl Inner {
    /// The place of the child that `key` belongs to: the last one whose first key is at or before it, or the first. And how
    /// many bytes of it all keys under that child are known to have.
    #[inline]
    pub(super) fn place(&self, key: &[u8], agreed: usize) -> (usize, usize) {
        let (rank, agrees) = self.heads.rank(key, agreed);
        let place = match rank {
            Rank::Exactly(rank) => rank - 1,
            Rank::Between(least, most) => self.decide(key, least, most) - 1,
        };
        // Under the outermost children there are keys outside of what the heads were made from.
        let is_between = place > 0 && place + 1 < self.children.len();
        (place, if is_between { agrees } else { agreed })
    }

    /// How many children, of which at least `least` and at most `most`, have first keys at or before `key`.
    #[cold]
    fn decide(&self, key: &[u8], least: usize, most: usize) -> usize {
        let (mut low, mut high) = (least, most);
        while low < high {
            let middle = (low + high) / 2;
            if self.children.first_key(middle).as_bytes() <= key { low = middle + 1 } else { high = middle }
        }
        low
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

    /// The first key of a child. O(height), for where heads tie or are made.
    pub(super) fn first_key(&self, place: usize) -> &Key {
        let mut inner = match self {
            Self::Leaves(leaves) => return leaves[place].key(0),
            Self::Inners(inners) => &inners[place],
        };
        loop {
            match &inner.children {
                Self::Leaves(leaves) => return leaves[0].key(0),
                Self::Inners(inners) => inner = &inners[0],
            }
        }
    }
}
