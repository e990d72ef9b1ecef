//! The way down the tree to the shard at or before a key. How to search in one node is the business of [`super::heads`].

use super::Index;
use super::heads::{Heads, INNER, LEAF};
use super::inner::{Children, Inner, Node, Siblings};
use super::iter::Place;
use super::leaf::Leaf;
use super::probe::Probe;
use super::wide::{Lanes, Search};
use crate::table::prefetch::prefetch;

/// How many bytes of a node a search asks for ahead of time: its heads. With ten lines instead of seven, a look-up in a table
/// of 100,000 shards took half as long again.
pub(super) const INNER_LINES: usize = Heads::<INNER>::BYTES;
pub(super) const LEAF_LINES: usize = Heads::<LEAF>::BYTES;

/// For one key.
pub(super) struct Floor<'t>(pub(super) &'t Index);

impl<'t> Search<&[u8]> for Floor<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        floor::<L>(self.0, key, |_, _| ())
    }
}

/// The last shard that starts at or before `key`. `turn` is told each inner node on the way, and the turn there.
#[inline(always)]
pub(super) fn floor<'t, L: Lanes>(
    index: &'t Index,
    key: &[u8],
    turn: impl FnMut(&Inner, usize),
) -> Option<Place<'t>> {
    if index.comes_before(key) {
        return None;
    }
    let probe = Probe::new(key);
    let (leaf, agreed) = match index.root.as_ref()? {
        Node::Leaf(leaf) => (&**leaf, 0),
        Node::Inner(root) => {
            let Descent { leaves, place, agreed } = descend::<L>(root, &probe, 0, index.common, turn);
            (&*leaves[place], agreed)
        }
    };
    Some(Place { leaf, slot: leaf.slot::<L>(&probe, agreed) })
}

/// Where a way down the tree ended.
pub(super) struct Descent<'t> {
    /// The children of the last inner node, and the place of the one that the key belongs to.
    pub(super) leaves: &'t Siblings<Leaf>,
    pub(super) place: usize,
    /// How many bytes of the key all keys of that leaf are known to have.
    pub(super) agreed: usize,
}

/// Down from an inner node, all keys of which are known to have `agreed` bytes of a key, to the leaf that it belongs to, in a tree of
/// which all keys but the first have `common` bytes. `turn` is told each inner node and the turn there.
#[inline(always)]
pub(super) fn descend<'t, L: Lanes>(
    mut inner: &'t Inner,
    probe: &Probe<'_>,
    mut agreed: usize,
    common: usize,
    mut turn: impl FnMut(&Inner, usize),
) -> Descent<'t> {
    loop {
        let place;
        (place, agreed) = inner.step::<L>(probe, agreed, common);
        turn(inner, place);
        // The lines that the next search may need are loaded at once, instead of one after the other.
        match &inner.children {
            Children::Inners(inners) => {
                inner = &inners[place];
                prefetch(inner, INNER_LINES);
            }
            Children::Leaves(leaves) => {
                prefetch(&*leaves[place], LEAF_LINES);
                return Descent { leaves, place, agreed };
            }
        }
    }
}

impl Index {
    /// The place of the last shard that starts at or before `key`.
    #[inline]
    pub(super) fn place(&self, key: &[u8]) -> Option<Place<'_>> {
        self.processor.run(Floor(self), key)
    }
}
