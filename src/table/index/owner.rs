//! Looking up the shard that owns a key: what requests wait for. The way down is that of [`super::search`], but as far as heads tell at
//! once no call is made, for which a function would have to put aside what it has in registers. Where more is to be done, that
//! is the last thing, and [`Owned`] does all of it. For most keys nothing is, and a seventh of the instructions are spared.

use super::Index;
use super::inner::{Children, Inner, Node};
use super::iter::Place;
use super::leaf::Leaf;
use super::probe::Probe;
use super::search::{Descent, Floor, INNER_LINES, LEAF_LINES, descend};
use super::wide::{Lanes, Search};
use crate::table::prefetch::prefetch;

/// For one key, if a shard owns it.
pub(super) struct Owner<'t>(pub(super) &'t Index);

impl<'t> Search<&[u8]> for Owner<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        let Self(index) = self;
        let (Some(Node::Inner(root)), true) = (&index.root, index.first.as_bytes().is_empty()) else {
            return L::apart(Owned(Floor(index)), key);
        };
        let probe = Probe::new(key);
        let (mut inner, mut agreed): (&Inner, usize) = (root, 0);
        let leaf = loop {
            let Some((place, below)) = inner.quick_step::<L>(&probe, agreed, index.common) else {
                return L::apart(Owned(Under { index, inner, agreed }), key);
            };
            agreed = below;
            match &inner.children {
                Children::Inners(inners) => {
                    inner = &inners[place];
                    prefetch(inner, INNER_LINES);
                }
                Children::Leaves(leaves) => {
                    let leaf: &Leaf = &leaves[place];
                    prefetch(leaf, LEAF_LINES);
                    break leaf;
                }
            }
        };
        match leaf.quick_slot::<L>(&probe, agreed) {
            Some(slot) if !leaf.is_marked(slot) => Some(Place { leaf, slot }),
            Some(slot) => L::apart(Owned(At(Place { leaf, slot })), key),
            None => L::apart(Owned(In { leaf, agreed }), key),
        }
    }
}

/// A search for the last shard that starts at or before a key, if that shard owns it.
struct Owned<S>(S);

impl<'t, 'k, S: Search<&'k [u8], Found = Option<Place<'t>>>> Search<&'k [u8]> for Owned<S> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &'k [u8]) -> Option<Place<'t>> {
        let place = self.0.run::<L>(key)?;
        if place.leaf.reaches(place.slot, key) { Some(place) } else { None }
    }
}

/// [`Floor`], for a key that belongs to an inner node, all keys of which are known to have `agreed` bytes of it.
struct Under<'t> {
    index: &'t Index,
    inner: &'t Inner,
    agreed: usize,
}

impl<'t> Search<&[u8]> for Under<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        let Self { index, inner, agreed } = self;
        let Descent { leaves, place, agreed } =
            descend::<L>(inner, &Probe::new(key), agreed, index.common, |_, _| ());
        In { leaf: &leaves[place], agreed }.run::<L>(key)
    }
}

/// The same, for one that belongs to a leaf.
struct In<'t> {
    leaf: &'t Leaf,
    agreed: usize,
}

impl<'t> Search<&[u8]> for In<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        let Self { leaf, agreed } = self;
        Some(Place { leaf, slot: leaf.slot::<L>(&Probe::new(key), agreed) })
    }
}

/// [`Floor`], where it is known.
struct At<'t>(Place<'t>);

impl<'t> Search<&[u8]> for At<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, _: &[u8]) -> Option<Place<'t>> {
        Some(self.0)
    }
}
