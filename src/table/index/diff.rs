//! Comparing two versions: both are walked side by side, and what they share is skipped without a look inside.

use std::sync::Arc;

use super::node::{Children, Node};
use super::{Entry, Index};
use crate::key::Key;

/// How two versions differ at one start key.
pub(in crate::table) enum EntryDiff<'o, 'n> {
    Gone(&'o Entry),
    New(&'n Entry),
    Changed(&'o Entry, &'n Entry),
}

/// What is left of one version, the next part last.
struct Rest<'t>(Vec<Part<'t>>);

/// A whole part of a version that has not been opened, or one entry.
#[derive(Clone, Copy)]
enum Part<'t> {
    Children(&'t Children, usize),
    Entry(&'t Entry),
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
                Some(entry) => return Some(EntryDiff::Gone(entry)),
                None => continue,
            },
            (None, Some(there)) => match new.open_or_take(there) {
                Some(entry) => return Some(EntryDiff::New(entry)),
                None => continue,
            },
        };
        if here.is(there) {
            old.0.pop();
            new.0.pop();
            continue;
        }
        match here.first_key().cmp(there.first_key()) {
            std::cmp::Ordering::Less => {
                if let Some(entry) = old.open_or_take(here) {
                    return Some(EntryDiff::Gone(entry));
                }
            }
            std::cmp::Ordering::Greater => {
                if let Some(entry) = new.open_or_take(there) {
                    return Some(EntryDiff::New(entry));
                }
            }
            // The taller part is opened first, so that the other one can turn out to be inside.
            std::cmp::Ordering::Equal => match here.height().cmp(&there.height()) {
                std::cmp::Ordering::Greater => drop(old.open_or_take(here)),
                std::cmp::Ordering::Less => drop(new.open_or_take(there)),
                std::cmp::Ordering::Equal => {
                    if let (Some(before), Some(after)) = (old.open_or_take(here), new.open_or_take(there)) {
                        if before != after {
                            return Some(EntryDiff::Changed(before, after));
                        }
                    }
                }
            },
        }
    }
}

impl<'t> Rest<'t> {
    fn of(index: &'t Index) -> Self {
        let mut rest = Self(Vec::new());
        match &index.root {
            None => {}
            Some(Node::Leaf(leaf)) => rest.0.extend(leaf.records.iter().rev().map(Part::Entry)),
            Some(Node::Inner(inner)) => rest.push_all(&inner.children),
        }
        rest
    }

    fn push_all(&mut self, children: &'t Children) {
        self.0.extend((0..children.len()).rev().map(|place| Part::Children(children, place)));
    }

    /// Takes the next part: gives the entry that it is, or puts what is in it in its place.
    fn open_or_take(&mut self, part: Part<'t>) -> Option<&'t Entry> {
        self.0.pop();
        match part {
            Part::Entry(entry) => return Some(entry),
            Part::Children(Children::Leaves(leaves), place) => {
                self.0.extend(leaves[place].records.iter().rev().map(Part::Entry));
            }
            Part::Children(Children::Inners(inners), place) => self.push_all(&inners[place].children),
        }
        None
    }
}

impl Part<'_> {
    /// Whether both are the same part of memory, and so equal.
    fn is(self, other: Part<'_>) -> bool {
        match (self, other) {
            (Self::Entry(one), Part::Entry(other)) => Arc::ptr_eq(one, other),
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

    fn first_key(&self) -> &Key {
        match self {
            Self::Entry(entry) => entry.range.start_key(),
            Self::Children(children, place) => children.first_key(*place),
        }
    }

    /// How many levels of nodes are in the part.
    fn height(self) -> usize {
        match self {
            Self::Entry(_) => 0,
            Self::Children(Children::Leaves(_), _) => 1,
            Self::Children(Children::Inners(inners), place) => {
                1 + Part::Children(&inners[place].children, 0).height()
            }
        }
    }
}
