//! Places in the tree, and walks from one to another. A walk keeps no path: at the end of a leaf it looks the next one up,
//! which costs little for thirty shards and leaves nothing to go stale.

use std::iter::FusedIterator;

use super::Index;
use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;
use crate::key::KeyEnd;
use crate::shard::{Route, Shard};

/// One shard, where it stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) leaf: &'t Leaf,
    pub(super) slot: usize,
}

impl<'t> Place<'t> {
    pub(super) fn shard(self) -> Shard<'t> {
        self.leaf.shard(self.slot)
    }

    #[inline]
    pub(super) fn route(self) -> &'t Route {
        &self.leaf.routes[self.slot]
    }

    pub(super) fn start(self) -> &'t [u8] {
        self.leaf.start(self.slot)
    }

    /// Whether there are so many more shards in the leaf.
    pub(super) fn has_after(self, count: usize) -> bool {
        self.slot + count < self.leaf.len()
    }

    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.leaf, other.leaf) && self.slot == other.slot
    }
}

/// Which way to go.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Up,
    Down,
}

impl Index {
    pub(super) fn place_before(&self, key: &[u8]) -> Option<Place<'_>> {
        let place = self.place(key)?;
        if place.start() < key { Some(place) } else { self.step(place, Way::Down) }
    }

    pub(super) fn place_after(&self, key: &[u8]) -> Option<Place<'_>> {
        match self.place(key) {
            Some(place) => self.step(place, Way::Up),
            None => self.outermost(Way::Down),
        }
    }

    /// The first shard.
    pub(super) fn first_place(&self) -> Option<Place<'_>> {
        self.outermost(Way::Down)
    }

    /// The first or last shard.
    fn outermost(&self, way: Way) -> Option<Place<'_>> {
        match self.root.as_ref()? {
            Node::Leaf(leaf) => Some(end_of(leaf, way)),
            Node::Inner(inner) => Some(outermost_of(&inner.children, end(inner.children.len(), way), way)),
        }
    }

    /// The next shard in one way.
    fn step<'t>(&'t self, from: Place<'t>, way: Way) -> Option<Place<'t>> {
        let Place { leaf, slot } = from;
        match way {
            Way::Up if slot + 1 < leaf.len() => Some(Place { leaf, slot: slot + 1 }),
            Way::Down if slot > 0 => Some(Place { leaf, slot: slot - 1 }),
            _ => self.neighbour(from.start(), way),
        }
    }

    /// The nearest shard in one way of the leaf that holds `key`: on the way down the tree, the last turn not taken.
    fn neighbour(&self, key: &[u8], way: Way) -> Option<Place<'_>> {
        let Some(Node::Inner(root)) = &self.root else { return None };
        let mut inner: &Inner = root;
        let mut turn = None;
        loop {
            let place = inner.place(key);
            let beside = match way {
                Way::Up => Some(place + 1).filter(|beside| *beside < inner.children.len()),
                Way::Down => place.checked_sub(1),
            };
            turn = beside.map(|beside| (inner, beside)).or(turn);
            match &inner.children {
                Children::Inners(inners) => inner = &inners[place],
                Children::Leaves(_) => break,
            }
        }
        let (inner, place) = turn?;
        let start = if way == Way::Up { Way::Down } else { Way::Up };
        Some(outermost_of(&inner.children, place, start))
    }

    /// The shards that start in `[start, end)`. A range that holds no key has none.
    pub(in crate::table) fn run(&self, start: &[u8], end: KeyEnd<&[u8]>) -> Run<'_> {
        let front = match self.place(start) {
            Some(place) if place.start() == start => Some(place),
            Some(place) => self.step(place, Way::Up),
            None => self.outermost(Way::Down),
        };
        let back = match end {
            KeyEnd::At(end) => self.place_before(end),
            KeyEnd::Unbounded => self.outermost(Way::Up),
        };
        let ends = front.zip(back).filter(|(front, back)| front.start() <= back.start());
        Run { index: self, ends }
    }
}

/// The first or last shard under a child.
fn outermost_of(children: &Children, place: usize, way: Way) -> Place<'_> {
    let (mut children, mut place) = (children, place);
    loop {
        match children {
            Children::Leaves(leaves) => return end_of(&leaves[place], way),
            Children::Inners(inners) => {
                children = &inners[place].children;
                place = end(children.len(), way);
            }
        }
    }
}

fn end_of(leaf: &Leaf, way: Way) -> Place<'_> {
    Place { leaf, slot: end(leaf.len(), way) }
}

fn end(len: usize, way: Way) -> usize {
    if way == Way::Down { 0 } else { len - 1 }
}

/// A run of neighbours, walked from either end.
#[derive(Clone)]
pub(in crate::table) struct Run<'t> {
    index: &'t Index,
    /// The first and the last shard to come.
    ends: Option<(Place<'t>, Place<'t>)>,
}

impl<'t> Iterator for Run<'t> {
    type Item = Shard<'t>;

    fn next(&mut self) -> Option<Shard<'t>> {
        let (front, back) = self.ends.take()?;
        if !front.is(back) {
            self.ends = self.index.step(front, Way::Up).map(|next| (next, back));
        }
        Some(front.shard())
    }
}

impl DoubleEndedIterator for Run<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (front, back) = self.ends.take()?;
        if !front.is(back) {
            self.ends = self.index.step(back, Way::Down).map(|next| (front, next));
        }
        Some(back.shard())
    }
}

impl FusedIterator for Run<'_> {}
