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
use super::search::INNER_LINES;
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
        // What heads tell at once is asked for when it is known where that is: three lines of a leaf instead of seven.
        let mut heads = Together::<Option<i64>>::new();
        for (probe, (leaf, agreed)) in probes.iter().zip(&leaves[..]) {
            heads.push(leaf.heads.head_ahead::<L>(probe, *agreed));
        }
        let mut places = Together::<Place<'_>>::new();
        for (head, (probe, (leaf, agreed))) in heads.iter().zip(probes.iter().zip(&leaves[..])) {
            let rank = if let Some(head) = head { leaf.heads.rank_of::<L>(*head) } else { None };
            let slot = match rank {
                Some(rank) => rank - 1,
                None => L::apart(Slot { leaf, agreed: *agreed }, probe),
            };
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
/// keys but the first have `common` bytes. What is searched first of these leaves is asked for, and `pass` is told of the node above
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
            (place, *agreed) = step::<L>(inner, probe, *agreed, common);
            if let Children::Inners(children) = &inner.children {
                *inner = &children[place];
                prefetch(*inner, INNER_LINES);
            }
        }
    }
    let mut leaves = Together::<(&Leaf, usize)>::new();
    for (probe, (inner, agreed)) in probes.iter().zip(inners) {
        let (place, agreed) = step::<L>(inner, probe, *agreed, common);
        pass(inner, place);
        if let Children::Leaves(children) = &inner.children {
            let leaf: &Leaf = &children[place];
            prefetch(leaf, 1);
            prefetch(&leaf.marks, 1);
            leaves.push((leaf, agreed));
        }
    }
    leaves
}

/// A step down from an inner node: what is more than heads tell at once is done apart, so that nothing is put aside for it. Not at the
/// root: there random keys among 10,000 shards lose a sixth by it.
#[inline(always)]
fn step<L: Lanes>(inner: &Inner, probe: &Probe<'_>, agreed: usize, common: usize) -> (usize, usize) {
    match inner.quick_step::<L>(probe, agreed, common) {
        Some(found) => found,
        None => L::apart(Step { inner, agreed, common }, probe),
    }
}

/// [`Inner::step`].
struct Step<'t> {
    inner: &'t Inner,
    agreed: usize,
    common: usize,
}

impl Search<&Probe<'_>> for Step<'_> {
    type Found = (usize, usize);

    #[inline(always)]
    fn run<L: Lanes>(self, probe: &Probe<'_>) -> (usize, usize) {
        self.inner.step::<L>(probe, self.agreed, self.common)
    }
}

/// [`Leaf::slot`].
struct Slot<'t> {
    leaf: &'t Leaf,
    agreed: usize,
}

impl Search<&Probe<'_>> for Slot<'_> {
    type Found = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, probe: &Probe<'_>) -> usize {
        self.leaf.slot::<L>(probe, self.agreed)
    }
}
