//! Looking up many keys at once: groups of them go down the tree level by level, so that the lines which each needs next
//! are loaded while the others search. Single look-ups wait for one line after another; these wait for many at a time.
//!
//! The idea is that of the batched static search trees of Groot Koerkamp (2024), who gains no more beyond sixteen, as many loads
//! as a core has under way at once. A key here waits for several lines of each node, and 64 take up to a fifth less time than
//! sixteen from 100,000 shards up, and no more below.

use arrayvec::ArrayVec;

use super::Index;
use super::inner::{Children, Inner, Node, Siblings};
use super::iter::Place;
use super::leaf::Leaf;
use super::owner::Owner;
use super::probe::Probe;
use super::search::{INNER_LINES, LEAF_LINES};
use super::wide::{Lanes, Search};
use crate::shard::Route;
use crate::table::prefetch::prefetch;

/// How many keys go down together.
pub(super) const GROUP: usize = 64;

/// What is known of the keys that go down together.
pub(super) type Together<T> = ArrayVec<T, GROUP>;

impl Index {
    /// Gives `answer` the place of the shard that owns each key, in the order of the keys.
    pub(super) fn places<'t, K: AsRef<[u8]>>(&'t self, keys: &[K], answer: impl FnMut(Option<Place<'t>>)) {
        self.processor.run(Floors { index: self, answer }, keys);
    }
}

/// For many keys.
struct Floors<'t, A> {
    index: &'t Index,
    answer: A,
}

impl<'t, K: AsRef<[u8]>, A: FnMut(Option<Place<'t>>)> Search<&[K]> for Floors<'t, A> {
    type Found = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, keys: &[K]) {
        if let Some(Node::Inner(root)) = &self.index.root {
            if let Children::Inners(children) = &root.children {
                // A closure would be compiled by itself, and not for the processor.
                for group in keys.chunks(GROUP) {
                    self.group::<L, K>(root, children, group);
                }
                return;
            }
        }
        // So few nodes stay in the nearest caches: there is nothing to wait for together.
        for key in keys {
            (self.answer)(Owner(self.index).run::<L>(key.as_ref()));
        }
    }
}

impl<'t, A: FnMut(Option<Place<'t>>)> Floors<'t, A> {
    #[inline(always)]
    fn group<L: Lanes, K: AsRef<[u8]>>(
        &mut self,
        root: &'t Inner,
        children: &'t Siblings<Inner>,
        keys: &[K],
    ) {
        let mut probes = Together::<Probe<'_>>::new();
        let leaves =
            descend_together::<L, K>(root, children, keys, self.index.common, &mut probes, |_, _| ());
        let mut places = Together::<Place<'_>>::new();
        for (probe, (leaf, agreed)) in probes.iter().zip(&leaves[..]) {
            let slot = leaf.slot::<L>(probe, *agreed);
            prefetch(&leaf.routes[slot], size_of::<Route>());
            places.push(Place { leaf, slot });
        }
        for (key, place) in keys.iter().zip(&places[..]) {
            let owner = Some(*place).filter(|place| place.leaf.reaches(place.slot, key.as_ref()));
            let owner = owner.filter(|_| !self.index.comes_before(key.as_ref()));
            (self.answer)(owner);
        }
    }
}

/// The leaf that each key belongs to, and how many of its bytes all keys of that leaf are known to have, in a tree of which all
/// keys but the first have `common` bytes. What is searched of these leaves is asked for, and `pass` is told of the node above
/// each, and the place in it.
#[inline(always)]
pub(super) fn descend_together<'t, 'k, L: Lanes, K: AsRef<[u8]>>(
    root: &'t Inner,
    children: &'t Siblings<Inner>,
    keys: &'k [K],
    common: usize,
    probes: &mut Together<Probe<'k>>,
    pass: impl Fn(&Inner, usize),
) -> Together<(&'t Leaf, usize)> {
    // Where each key is, and how many of its bytes all keys there are known to have.
    let mut inners = Together::<(&Inner, usize)>::new();
    for key in keys {
        let probe = Probe::new(key.as_ref());
        let (place, agreed) = root.step::<L>(&probe, 0, common);
        let inner: &Inner = &children[place];
        prefetch(inner, INNER_LINES);
        probes.push(probe);
        inners.push((inner, agreed));
    }
    let (probes, inners) = (&probes[..], &mut inners[..]);
    // All leaves are equally deep, so all keys are on one level.
    while let Children::Inners(_) = &inners[0].0.children {
        for (probe, (inner, agreed)) in probes.iter().zip(&mut *inners) {
            let place;
            (place, *agreed) = inner.step::<L>(probe, *agreed, common);
            if let Children::Inners(children) = &inner.children {
                *inner = &children[place];
                prefetch(*inner, INNER_LINES);
            }
        }
    }
    let mut leaves = Together::<(&Leaf, usize)>::new();
    for (probe, (inner, agreed)) in probes.iter().zip(inners) {
        let (place, agreed) = inner.step::<L>(probe, *agreed, common);
        pass(inner, place);
        if let Children::Leaves(children) = &inner.children {
            let leaf: &Leaf = &children[place];
            prefetch(leaf, LEAF_LINES);
            prefetch(&leaf.marks, 1);
            leaves.push((leaf, agreed));
        }
    }
    leaves
}
