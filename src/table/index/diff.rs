//! Comparing two versions: both are walked side by side, and what they share is skipped without a look inside.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::Index;
use super::inner::{Children, Node};
use super::iter::Place;
use super::leaf::Leaf;
use crate::shard::Shard;

/// How two versions differ at one start key.
pub(in crate::table) enum EntryDiff<'o, 'n> {
    Gone(Shard<'o>),
    New(Shard<'n>),
    Changed(Shard<'o>, Shard<'n>),
}

/// What is left of one version, the next part last.
struct Rest<'t>(Vec<Part<'t>>);

/// A whole part of a version that has not been opened, or one shard.
#[derive(Clone, Copy)]
enum Part<'t> {
    Children(&'t Children, usize),
    Shard(Place<'t>),
}

impl Index {
    /// Where this version and a newer one differ, in key order. Between versions of one table, in time proportional to what
    /// was changed between them.
    pub(in crate::table) fn diff<'o, 'n>(
        &'o self,
        newer: &'n Self,
    ) -> impl Iterator<Item = EntryDiff<'o, 'n>> {
        let (mut old, mut new) = (Rest::of(self), Rest::of(newer));
        std::iter::from_fn(move || next_difference(&mut old, &mut new))
    }
}

fn next_difference<'o, 'n>(old: &mut Rest<'o>, new: &mut Rest<'n>) -> Option<EntryDiff<'o, 'n>> {
    loop {
        let (here, there) = match (old.0.last().copied(), new.0.last().copied()) {
            (Some(here), Some(there)) => (here, there),
            (None, None) => return None,
            (Some(here), None) => match old.open_or_take(here) {
                Some(shard) => return Some(EntryDiff::Gone(shard)),
                None => continue,
            },
            (None, Some(there)) => match new.open_or_take(there) {
                Some(shard) => return Some(EntryDiff::New(shard)),
                None => continue,
            },
        };
        if here.is(there) {
            old.0.pop();
            new.0.pop();
            continue;
        }
        match here.first_key().cmp(there.first_key()) {
            Ordering::Less => {
                if let Some(shard) = old.open_or_take(here) {
                    return Some(EntryDiff::Gone(shard));
                }
            }
            Ordering::Greater => {
                if let Some(shard) = new.open_or_take(there) {
                    return Some(EntryDiff::New(shard));
                }
            }
            // The taller part is opened first, so that the other one can turn out to be inside.
            Ordering::Equal => match here.height().cmp(&there.height()) {
                Ordering::Greater => drop(old.open_or_take(here)),
                Ordering::Less => drop(new.open_or_take(there)),
                Ordering::Equal => {
                    if let (Some(one), Some(other)) = (here.leaf(), there.leaf()) {
                        open_where_they_differ(one, old, other, new);
                    } else if let (Some(before), Some(after)) =
                        (old.open_or_take(here), new.open_or_take(there))
                    {
                        if before != after {
                            return Some(EntryDiff::Changed(before, after));
                        }
                    }
                }
            },
        }
    }
}

/// Two leaves that start with the same key are versions of each other, mostly, with one change somewhere in between.
fn open_where_they_differ<'o, 'n>(one: &'o Leaf, old: &mut Rest<'o>, other: &'n Leaf, new: &mut Rest<'n>) {
    old.0.pop();
    new.0.pop();
    let least = one.len().min(other.len());
    let below = (0..least).take_while(|slot| one.is_same(*slot, other, *slot)).count();
    let above = (1..=least - below)
        .take_while(|back| one.is_same(one.len() - back, other, other.len() - back))
        .count();
    old.push_slots(one, below..one.len() - above);
    new.push_slots(other, below..other.len() - above);
}

impl<'t> Rest<'t> {
    fn of(index: &'t Index) -> Self {
        let mut rest = Self(Vec::new());
        match &index.root {
            None => {}
            Some(Node::Leaf(leaf)) => rest.push_leaf(leaf),
            Some(Node::Inner(inner)) => rest.push_all(&inner.children),
        }
        rest
    }

    fn push_leaf(&mut self, leaf: &'t Leaf) {
        self.push_slots(leaf, 0..leaf.len());
    }

    fn push_slots(&mut self, leaf: &'t Leaf, slots: Range<usize>) {
        self.0.extend(slots.rev().map(|slot| Part::Shard(Place { leaf, slot })));
    }

    fn push_all(&mut self, children: &'t Children) {
        self.0.extend((0..children.len()).rev().map(|place| Part::Children(children, place)));
    }

    /// Takes the next part: gives the shard that it is, or puts what is in it in its place.
    fn open_or_take(&mut self, part: Part<'t>) -> Option<Shard<'t>> {
        self.0.pop();
        match part {
            Part::Shard(place) => return Some(place.shard()),
            Part::Children(Children::Leaves(leaves), place) => self.push_leaf(&leaves[place]),
            Part::Children(Children::Inners(inners), place) => self.push_all(&inners[place].children),
        }
        None
    }
}

impl<'t> Part<'t> {
    /// Whether both are the same part of memory, and so equal.
    fn is(self, other: Part<'_>) -> bool {
        match (self, other) {
            (
                Self::Children(Children::Leaves(one), place),
                Part::Children(Children::Leaves(other), beside),
            ) => Arc::ptr_eq(&one[place], &other[beside]),
            (
                Self::Children(Children::Inners(one), place),
                Part::Children(Children::Inners(other), beside),
            ) => Arc::ptr_eq(&one[place], &other[beside]),
            _ => false,
        }
    }

    fn leaf(self) -> Option<&'t Leaf> {
        match self {
            Self::Children(Children::Leaves(leaves), place) => Some(&leaves[place]),
            _ => None,
        }
    }

    fn first_key(self) -> &'t [u8] {
        match self {
            Self::Shard(place) => place.start(),
            Self::Children(children, place) => children.first_key(place),
        }
    }

    /// How many levels of nodes are in the part.
    fn height(self) -> usize {
        match self {
            Self::Shard(_) => 0,
            Self::Children(Children::Leaves(_), _) => 1,
            Self::Children(Children::Inners(inners), place) => {
                1 + Part::Children(&inners[place].children, 0).height()
            }
        }
    }
}
