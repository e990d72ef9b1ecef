//! Looking up keys that come in order, or near each other: a thread keeps a finger on the leaf that it was in last, and a key that
//! lies there goes down the tree no more. Where keys come in no order nobody looks where the finger is.
//!
//! A finger is the turns on the way to a leaf and nothing of the tree itself, so it may be kept for as long as one likes and
//! tried on any version: what a leaf says of a key that lies between two of its own is right, however one came to it.
//!
//! The idea is that of finger search trees (Guibas, McCreight, Plass and Roberts, 1977).

use super::Index;
use super::batch::GROUP;
use super::heads::INNER;
use super::inner::{Children, Inner, Node, Siblings};
use super::iter::Place;
use super::leaf::Leaf;
use super::owner::Owner;
use super::probe::Probe;
use super::search::{Descent, Floor, LEAF_LINES, descend};
use super::wide::{Lanes, Search};
use crate::shard::Route;
use crate::table::prefetch::{prefetch, prefetch_all};

/// See the module. The default is on no leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finger {
    /// How many keys to wait before one is looked at again. Nothing else is to be done for most of those that come in no order.
    wait: u8,
    /// A bit for each of the keys that were looked at, the lowest for the last: whether it was in the leaf of the one before.
    near: u8,
    /// Where the last leaf lies, to know it again and for nothing else.
    last: usize,
    /// Known once keys are near.
    way: Way,
}

/// So many keys in one leaf, and it is worth to look first where the last one was. In a small tree some are in one leaf by chance.
const NEAR: u8 = 0b11_1111;

/// How many keys go by unseen after two that were not near.
const PAUSE: u8 = 64;
/// The last key that was looked at may have been a long time ago: the next one need not be near it.
const AFRESH: u8 = 0b1;

/// Of keys that are looked up together, one in so many is looked at. Only where far more of them are in each leaf than make a
/// look-up of one key faster is one after the other faster than together.
const SAMPLE: usize = 8;

/// The turns from the root down to a leaf, the last one in the lowest bits. Of a tree that is too deep for that the first ones are
/// lost: the way leads to another leaf, or nowhere.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    turns: u64,
    /// How many bits they take.
    bits: u8,
}

/// How many bits a turn takes.
const TURN: u8 = 5;

const _: () = assert!(INNER <= 1 << TURN);

impl Way {
    #[inline(always)]
    fn then(self, place: usize) -> Self {
        Self { turns: self.turns << TURN | place as u64, bits: self.bits.wrapping_add(TURN) }
    }

    /// Whether it is the way to the same leaf as another one, or to one that comes soon after.
    #[inline(always)]
    fn is_soon_after(self, other: Self) -> bool {
        self.turns.wrapping_sub(other.turns) < 1 << TURN
    }
}

impl Default for Finger {
    fn default() -> Self {
        Self { wait: 1, near: AFRESH, last: 0, way: Way::default() }
    }
}

impl Finger {
    #[inline(always)]
    fn is_near(&self) -> bool {
        self.near & NEAR == NEAR
    }

    /// In arithmetic, with no branch: nobody can guess whether a key is near the one before.
    #[inline(always)]
    fn touch(&mut self, leaf: &Leaf) {
        let leaf = std::ptr::from_ref(leaf).addr();
        self.near = self.near << 1 | u8::from(leaf == self.last);
        self.last = leaf;
    }

    /// The key was elsewhere. Keys in order are in the next leaf, and those that are not go together again.
    #[inline(always)]
    fn move_along(&mut self, way: Way) {
        if !way.is_soon_after(self.way) {
            self.near >>= 1;
        }
        self.way = way;
    }
}

impl Index {
    /// What [`route`](Self::route) gives. O(1) for a key in the leaf of the one before, if that is usual.
    // Compiled into the caller's, as that is: for the copy of the route.
    #[inline(always)]
    pub(in crate::table) fn route_near(&self, key: &[u8], finger: &mut Finger) -> Option<&Route> {
        finger.wait = finger.wait.wrapping_sub(1);
        let place = if finger.wait != 0 {
            self.processor.run(Owner(self), key)
        } else if finger.is_near() {
            finger.wait = 1;
            self.processor.run(Near { index: self, finger }, key)
        } else {
            self.look_at(key, finger)
        };
        place.map(Place::route)
    }

    #[inline(never)]
    fn look_at(&self, key: &[u8], finger: &mut Finger) -> Option<Place<'_>> {
        finger.wait = 1;
        let place = self.processor.run(Owner(self), key)?;
        finger.touch(place.leaf);
        if finger.near & 0b11 == 0 {
            (finger.wait, finger.near) = (PAUSE, AFRESH);
        }
        Some(place)
    }

    /// Gives `answer` the route of the shard that owns each key, in the order of the keys: of those near each other one after the
    /// other, and of all others together.
    #[inline]
    pub(in crate::table) fn routes_near<'t, K: AsRef<[u8]>>(
        &'t self,
        mut keys: &[K],
        finger: &mut Finger,
        mut answer: impl FnMut(Option<&'t Route>),
    ) {
        while !keys.is_empty() {
            let done = if finger.is_near() {
                let answer = |place: Option<Place<'t>>| answer(place.map(Place::route));
                self.processor.run(NearEachOther { index: self, finger, answer }, keys)
            } else {
                let (count, mut asked) = (keys.len().min(GROUP), 0);
                self.places(&keys[..count], |place| {
                    asked += 1;
                    if asked % SAMPLE == 0 {
                        place.inspect(|place| finger.touch(place.leaf));
                    }
                    answer(place.map(Place::route));
                });
                count
            };
            keys = &keys[done..];
        }
    }

    /// The leaf at the end of a way, or another one, or none: the tree may have changed.
    #[inline(always)]
    fn leaf_at(&self, way: Way) -> Option<&Leaf> {
        let Some(Node::Inner(root)) = &self.root else { return None };
        let (mut inner, mut bits): (&Inner, u8) = (root, way.bits);
        loop {
            bits = bits.wrapping_sub(TURN);
            let place = usize::try_from(way.turns >> (bits & 63) & ((1 << TURN) - 1)).unwrap_or(0);
            match &inner.children {
                Children::Inners(inners) => inner = inners.get(place)?,
                Children::Leaves(leaves) => return leaves.get(place).map(|leaf| &**leaf),
            }
        }
    }
}

/// For one key that is likely to be in the leaf of the one before.
struct Near<'t, 'f> {
    index: &'t Index,
    finger: &'f mut Finger,
}

impl<'t> Search<&[u8]> for Near<'t, '_> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        let Self { index, finger } = self;
        Walk { index, leaf: index.leaf_at(finger.way), finger }.owner::<L>(key)
    }
}

/// For many, for as long as they are. Gives how many that were.
struct NearEachOther<'t, 'f, A> {
    index: &'t Index,
    finger: &'f mut Finger,
    answer: A,
}

impl<'t, K: AsRef<[u8]>, A: FnMut(Option<Place<'t>>)> Search<&[K]> for NearEachOther<'t, '_, A> {
    type Found = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, keys: &[K]) -> usize {
        let Self { index, finger, mut answer } = self;
        let mut walk = Walk { index, leaf: index.leaf_at(finger.way), finger };
        let mut done = 0;
        for key in keys {
            answer(walk.owner::<L>(key.as_ref()));
            done += 1;
            if !walk.finger.is_near() {
                break;
            }
        }
        done
    }
}

/// Where a finger is, and the leaf there.
struct Walk<'t, 'f> {
    index: &'t Index,
    leaf: Option<&'t Leaf>,
    finger: &'f mut Finger,
}

impl<'t> Walk<'t, '_> {
    /// The place of the shard that owns `key`.
    #[inline(always)]
    fn owner<L: Lanes>(&mut self, key: &[u8]) -> Option<Place<'t>> {
        let probe = Probe::new(key);
        let place =
            match self.leaf.and_then(|leaf| Some(Place { leaf, slot: leaf.slot_within::<L>(&probe)? })) {
                Some(place) => place,
                None => self.go::<L>(&probe)?,
            };
        if place.leaf.reaches(place.slot, key) { Some(place) } else { None }
    }

    /// Down the tree, to the last shard that starts at or before a key.
    #[inline(always)]
    fn go<L: Lanes>(&mut self, probe: &Probe<'_>) -> Option<Place<'t>> {
        let Some(Node::Inner(root)) = &self.index.root else {
            return Floor(self.index).run::<L>(probe.key);
        };
        if self.index.comes_before(probe.key) {
            return None;
        }
        let mut way = Way::default();
        let Descent { leaves, place, agreed } =
            descend::<L>(root, probe, 0, self.index.common, |_, place| way = way.then(place));
        let leaf: &Leaf = &leaves[place];
        read_ahead(leaves, place);
        self.finger.move_along(way);
        self.leaf = Some(leaf);
        Some(Place { leaf, slot: leaf.slot::<L>(probe, agreed) })
    }
}

/// Has the next leaves loaded: what is searched of the one after the next, and what is found in the next, of which it is known by
/// then where that is. At 1,000,000 shards that takes two thirds off the time of keys in order.
#[inline(always)]
fn read_ahead(leaves: &Siblings<Leaf>, place: usize) {
    if let Some(leaf) = leaves.get(place + 2) {
        prefetch(&**leaf, LEAF_LINES);
        prefetch(&leaf.marks, 1);
    }
    if let Some(leaf) = leaves.get(place + 1) {
        prefetch_all(&leaf.routes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, KeyEnd, KeyRange};
    use crate::shard::{NodeId, ShardId, ShardRecord};
    use crate::table::random::Random;

    /// One shard for each number, which starts with it.
    fn shards(count: u32) -> Index {
        let starts: Vec<_> = (0..count).map(|start| Key::from(&start.to_be_bytes()[..])).collect();
        let record = |place: usize| {
            let end = starts.get(place + 1).map_or(KeyEnd::Unbounded, |end| KeyEnd::At(end.clone()));
            let range = KeyRange::new(starts[place].clone(), end).unwrap();
            ShardRecord::new(ShardId(place as u64 + 1), range, NodeId(1))
        };
        Index::from_sorted(&(0..starts.len()).map(record).collect::<Vec<_>>())
    }

    fn below(random: &mut Random, bound: u32) -> u32 {
        u32::try_from(random.below(bound as usize)).unwrap()
    }

    fn find(index: &Index, key: u32, finger: &mut Finger) {
        let found = index.route_near(&key.to_be_bytes(), finger).map(|route| route.shard.0);
        assert_eq!(found, Some(u64::from(key) + 1));
    }

    const MANY: u32 = if cfg!(miri) { 240 } else { 20_000 };

    #[test]
    fn keys_in_order_are_near_and_others_are_not() {
        let index = shards(MANY);
        let mut finger = Finger::default();
        let mut near = 0;
        for key in 0..MANY {
            near += u32::from(finger.is_near());
            find(&index, key, &mut finger);
        }
        assert!(near > MANY * 9 / 10, "{near} of {MANY}");
        // Four leaves: the fewest among which there is something to find.
        let (index, mut random) = (shards(160), Random(1));
        let (mut finger, mut near) = (Finger::default(), 0);
        for _ in 0..MANY {
            near += u32::from(finger.is_near());
            find(&index, below(&mut random, 160), &mut finger);
        }
        assert!(near < MANY / 50 + 3, "{near} of {MANY}");
    }

    #[test]
    fn many_keys_in_order_are_near_for_as_long_as_they_are() {
        let (index, mut random) = (shards(MANY), Random(3));
        let in_order = (0..MANY).map(|key| (key / 10).to_be_bytes());
        let in_no_order = (0..GROUP).map(|_| below(&mut random, MANY).to_be_bytes());
        let mut finger = Finger::default();
        index.routes_near(&in_order.clone().collect::<Vec<_>>(), &mut finger, |_| ());
        assert!(finger.is_near());
        index.routes_near(&in_order.chain(in_no_order).collect::<Vec<_>>(), &mut finger, |_| ());
        assert!(!finger.is_near());
    }

    #[test]
    fn a_finger_that_is_near_is_where_the_key_is() {
        let index = shards(MANY);
        let mut finger = Finger::default();
        for key in 100..200 {
            find(&index, key, &mut finger);
        }
        let leaf = index.leaf_at(finger.way).unwrap();
        assert!(finger.is_near() && leaf.start(0) <= &199_u32.to_be_bytes()[..]);
        assert!(leaf.start(leaf.len() - 1) >= &199_u32.to_be_bytes()[..]);
    }

    #[test]
    fn wherever_a_finger_is_what_it_finds_is_right() {
        let (index, mut random) = (shards(MANY), Random(7));
        for _ in 0..MANY {
            let way =
                Way { turns: below(&mut random, 1 << 20).into(), bits: [5, 10, 15, 20, 70][random.below(5)] };
            let key = below(&mut random, MANY);
            find(&index, key, &mut Finger { wait: 1, near: NEAR, last: 0, way });
            // In the leaf where the finger is and around it, too.
            if let Some(leaf) = index.leaf_at(way) {
                let ends = [leaf.start(0), leaf.start(leaf.len() - 1)];
                let [first, last] = ends.map(|key| u32::from_be_bytes(*key.first_chunk().unwrap()));
                for key in
                    [first.saturating_sub(1), first, first + 1, last - 1, last, (last + 1).min(MANY - 1)]
                {
                    find(&index, key, &mut Finger { wait: 1, near: NEAR, last: 0, way });
                }
            }
        }
    }
}
