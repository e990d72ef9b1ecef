//! Looking up keys that come near each other: a thread keeps a finger on the leaf that it was in last, and a key that belongs
//! there goes down the tree no more. Where keys come in no order nobody looks where the finger is.
//!
//! A finger is the turns on the way to a leaf and nothing of the tree itself, so it may be kept for as long as one likes and
//! tried on any version: what a leaf says of a key that lies between two of its own is right, however one came to it.
//!
//! The idea is that of finger search trees (Guibas, McCreight, Plass and Roberts, 1977).

use super::Index;
use super::inner::{Children, Inner, Node};
use super::iter::Place;
use super::leaf::Leaf;
use super::prefetch::prefetch;
use super::probe::Probe;
use super::search::{INNER_LINES, LEAF_LINES, Owner};
use super::wide::{self, Lanes, Search};
use crate::shard::Route;

/// See the module. The default is on no leaf.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finger {
    /// How often a key was in the leaf of the one before, of late: up to [`STEADY`].
    near: u8,
    way: Way,
    /// Where the last leaf lies, to know it again and for nothing else.
    last: usize,
}

/// When it is worth to look first where the last key was: in a small tree many keys are in one leaf by chance.
const STEADY: u8 = 12;
/// What a key in another leaf takes off.
const ELSEWHERE: u8 = 3;

/// The turns from the root down to a leaf, the last one in the lowest bits. Of a tree that is too deep the first ones are lost:
/// then the way leads to another leaf, or nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Way {
    turns: u64,
    /// How many bits they take.
    bits: u8,
}

/// How many bits a turn takes.
const TURN: u8 = 5;

const _: () = assert!(super::heads::INNER <= 1 << TURN);

impl Way {
    #[inline(always)]
    pub(super) fn turn(self, place: usize) -> Self {
        Self { turns: self.turns << TURN | place as u64, bits: self.bits + TURN }
    }

    /// Whether it is the way to the same leaf as another one, or to one that comes soon after.
    #[inline(always)]
    fn is_soon_after(self, other: Self) -> bool {
        self.turns.wrapping_sub(other.turns) < 1 << TURN
    }
}

impl Finger {
    /// In arithmetic, with no branch: nobody can guess whether a key is near the one before.
    #[inline(always)]
    fn learn(&mut self, leaf: &Leaf) {
        let leaf = std::ptr::from_ref(leaf).addr();
        let is_same = u8::from(leaf == self.last);
        self.near = (self.near + is_same).min(STEADY).saturating_sub(ELSEWHERE * (1 - is_same));
        self.last = leaf;
    }
}

impl Index {
    /// The route of the shard that owns `key`, as [`route`](Self::route) gives it. O(1) for a key in the leaf of the one before,
    /// if that is usual.
    #[inline(always)]
    pub(in crate::table) fn route_near(&self, key: &[u8], finger: &mut Finger) -> Option<&Route> {
        if finger.near == STEADY {
            return wide::run(Near { index: self, key, finger }).map(Place::route);
        }
        let place = wide::run(Owner(self, key))?;
        finger.learn(place.leaf);
        Some(place.route())
    }

    #[inline(always)]
    fn leaf_at(&self, way: Way) -> Option<&Leaf> {
        let Some(Node::Inner(root)) = &self.root else { return None };
        let (mut inner, mut bits): (&Inner, u8) = (root, way.bits);
        loop {
            bits = bits.wrapping_sub(TURN);
            let place = (way.turns >> (bits & 63)) as usize % (1 << TURN);
            match &inner.children {
                Children::Inners(inners) => inner = inners.get(place)?,
                Children::Leaves(leaves) => return leaves.get(place).map(|leaf| &**leaf),
            }
        }
    }
}

struct Near<'t, 'k, 'f> {
    index: &'t Index,
    key: &'k [u8],
    finger: &'f mut Finger,
}

impl<'t> Search for Near<'t, '_, '_> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<Place<'t>> {
        let Self { index, key, finger } = self;
        let probe = Probe::new(key);
        if let Some(leaf) = index.leaf_at(finger.way) {
            if let Some(slot) = leaf.slot_within::<L>(&probe) {
                return Some(Place { leaf, slot }).filter(|place| place.leaf.reaches(place.slot, key));
            }
        }
        if index.comes_before(key) {
            return None;
        }
        let root = match index.root.as_ref()? {
            Node::Leaf(_) => return Owner(index, key).run::<L>(),
            Node::Inner(root) => root,
        };
        let (mut inner, mut agreed, mut way): (&Inner, usize, Way) = (root, 0, Way::default());
        let leaf: &Leaf = loop {
            let place;
            (place, agreed) = inner.step::<L>(&probe, agreed);
            way = way.turn(place);
            match &inner.children {
                Children::Inners(inners) => {
                    inner = &inners[place];
                    prefetch(inner, INNER_LINES);
                }
                Children::Leaves(leaves) => {
                    let leaf: &Leaf = &leaves[place];
                    prefetch(leaf, LEAF_LINES);
                    if let Some(next) = leaves.get(place + 1) {
                        prefetch(&**next, LEAF_LINES);
                        prefetch(&next.facts, size_of::<usize>());
                    }
                    break leaf;
                }
            }
        };
        if !way.is_soon_after(finger.way) {
            finger.near = 0;
        }
        finger.way = way;
        let place = Place { leaf, slot: leaf.slot::<L>(&probe, agreed) };
        Some(place).filter(|place| place.leaf.reaches(place.slot, key))
    }
}
