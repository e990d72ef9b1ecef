//! Changing the tree: what is shared with another version is copied, node by node along one path, and the inner nodes that
//! this version alone has are changed in place.

use std::ops::Range;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::leaf::{self, Leaf, Lone};
use super::node::{self, Inner, Node};

/// What to do, in one leaf.
pub(super) enum Edit<'e> {
    /// To put an entry there, in the stead of what has its id.
    Put(Lone<'e>),
    /// To take out these, which ascend, as far as they are in the leaf of the first.
    TakeOut(&'e [u64]),
    /// To put a leaf behind all others.
    Append(Leaf),
}

/// What came of it. Written where it stays, because it is handed up through every level.
#[derive(Default)]
pub(super) struct Done {
    /// How many entries went, be it for others in their stead.
    pub(super) gone: usize,
    /// What did not fit into the node and belongs right after it, with its least id.
    pub(super) beside: Option<(u64, Node)>,
}

impl Edit<'_> {
    /// The child to do it in.
    fn place_in(&self, inner: &Inner) -> usize {
        match self {
            Self::Put(lone) => inner.place(lone.id()),
            Self::TakeOut(ids) => inner.place(ids[0]),
            Self::Append(_) => inner.children.len() - 1,
        }
    }
}

impl Node {
    pub(super) fn edit(&mut self, edit: &Edit<'_>, done: &mut Done) {
        if let Self::Inner(inner) = self {
            if let Some(inner) = Arc::get_mut(inner) {
                let place = edit.place_in(inner);
                inner.children[place].edit(edit, done);
                inner.settle(place, edit, done);
                return;
            }
        }
        *self = self.edited(edit, done);
    }

    /// Of a node that is shared: so is all below.
    fn edited(&self, edit: &Edit<'_>, done: &mut Done) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.edited(edit, done)),
            Self::Inner(inner) => {
                inner.warm();
                let place = edit.place_in(inner);
                let child = inner.children[place].edited(edit, done);
                // Filled where it will stay.
                let mut copy = Arc::<Inner>::default();
                if let Some(space) = Arc::get_mut(&mut copy) {
                    space.fill_from(inner, place, child);
                    space.settle(place, edit, done);
                }
                Self::Inner(copy)
            }
        }
    }
}

impl Leaf {
    fn edited(&self, edit: &Edit<'_>, done: &mut Done) -> Self {
        match edit {
            Edit::TakeOut(ids) => {
                let (leaf, gone) = self.without(ids);
                done.gone = gone;
                leaf
            }
            Edit::Append(leaf) => {
                done.beside = Some((leaf.id(0), Node::Leaf(leaf.clone())));
                self.clone()
            }
            Edit::Put(lone) => match self.try_put(lone) {
                Some(leaf) => {
                    done.gone = self.len() + 1 - leaf.len();
                    leaf
                }
                None => self.split_for(lone, done),
            },
        }
    }

    /// With an entry, in the stead of what has its id; if there is room for it.
    pub(super) fn try_put(&self, lone: &Lone<'_>) -> Option<Self> {
        let (len, place) = (self.len(), self.rank(lone.id()));
        let after = place + usize::from(self.has(place, lone.id()));
        (place + 1 + len - after <= leaf::FANOUT).then(|| self.with(0..place, Some(lone), after..len))
    }

    /// The lower half of a full leaf, with a new entry in that or in the upper one.
    fn split_for(&self, lone: &Lone<'_>, done: &mut Done) -> Self {
        let (len, half, place) = (self.len(), leaf::FANOUT / 2, self.rank(lone.id()));
        let (lower, upper) = if place <= half {
            (self.with(0..place, Some(lone), place..half), self.with(half..len, None, len..len))
        } else {
            (self.with(0..half, None, half..half), self.with(half..place, Some(lone), place..len))
        };
        done.beside = Some((upper.id(0), Node::Leaf(upper)));
        lower
    }

    /// Without these, which ascend, as far as they are here, and how many those were.
    pub(super) fn without(&self, ids: &[u64]) -> (Self, usize) {
        let mut runs = ArrayVec::<_, { leaf::FANOUT + 1 }>::new();
        let (mut from, mut gone) = (0, 0);
        for id in ids {
            let place = self.rank(*id);
            if !self.has(place, *id) {
                break;
            }
            runs.push(self.run(from..place));
            (from, gone) = (place + 1, gone + 1);
        }
        runs.push(self.run(from..self.len()));
        (Self::of(&runs), gone)
    }

    /// A leaf of some entries from here, a new one, and others from here.
    fn with(&self, before: Range<usize>, new: Option<&Lone<'_>>, after: Range<usize>) -> Self {
        let mut runs = ArrayVec::<_, 3>::from_iter([self.run(before)]);
        runs.extend(new.map(Lone::run));
        runs.push(self.run(after));
        Self::of(&runs)
    }

    /// What two neighbours have, in one leaf or evenly in two.
    fn shared_out(&self, next: &Self) -> ArrayVec<(u64, Node), 2> {
        let (len, all) = (self.len(), self.len() + next.len());
        let of = |from: usize, to: usize| {
            let own = self.run(from.min(len)..to.min(len));
            let leaf = Self::of(&[own, next.run(from.saturating_sub(len)..to.saturating_sub(len))]);
            (leaf.id(0), Node::Leaf(leaf))
        };
        if all <= leaf::FANOUT {
            ArrayVec::from_iter([of(0, all)])
        } else {
            ArrayVec::from([of(0, all / 2), of(all / 2, all)])
        }
    }
}

impl Inner {
    /// Makes good what an edit left of a child.
    fn settle(&mut self, place: usize, edit: &Edit<'_>, done: &mut Done) {
        if let Some((least, child)) = done.beside.take() {
            done.beside = self.put(place + 1, least, child, matches!(edit, Edit::Append(_)));
        }
        if !matches!(edit, Edit::TakeOut(_)) {
            return;
        }
        let child = &self.children[place];
        let few = if matches!(child, Node::Leaf(_)) { leaf::FANOUT / 4 } else { node::FANOUT / 4 };
        match child.len() {
            0 => self.remove(place),
            len if len < few && self.children.len() > 1 => self.share_out(place.min(self.children.len() - 2)),
            _ => {}
        }
    }

    /// Adds a child, and gives the upper part of the node if it had to be split; if more will follow behind, as little as
    /// can be.
    fn put(&mut self, place: usize, least: u64, child: Node, more_follow: bool) -> Option<(u64, Node)> {
        let half = node::FANOUT / 2;
        if self.children.len() < node::FANOUT {
            self.insert(place, least, child);
            return None;
        }
        let upper = if more_follow {
            Self::of([(least, child)])
        } else {
            let mut upper = self.split_off(half);
            match place.checked_sub(half) {
                Some(place @ 1..) => upper.insert(place, least, child),
                _ => self.insert(place, least, child),
            }
            upper
        };
        Some((upper.least[0], Node::Inner(Arc::new(upper))))
    }

    /// Merges a child with the next one, or divides what both have between them.
    fn share_out(&mut self, place: usize) {
        let parts = match (&self.children[place], &self.children[place + 1]) {
            (Node::Leaf(leaf), Node::Leaf(next)) => leaf.shared_out(next),
            (Node::Inner(inner), Node::Inner(next)) => inner.shared_out(self.least[place + 1], next),
            // Every leaf is equally deep.
            _ => return,
        };
        if parts.len() == 1 {
            self.remove(place + 1);
        }
        for (at, (least, child)) in (place..).zip(parts) {
            // The least id may have been lower once, and what is said of the first child above is still right.
            if at > place {
                self.least[at] = least;
            }
            self.children[at] = child;
        }
    }

    /// What two neighbours have, in one node or evenly in two.
    fn shared_out(&self, least: u64, next: &Self) -> ArrayVec<(u64, Node), 2> {
        let own = self.least[..self.children.len()].iter().copied();
        let leasts = own.chain([least]).chain(next.least[1..].iter().copied());
        let mut children = leasts.zip(self.children.iter().chain(&next.children).cloned());
        let all = self.children.len() + next.children.len();
        let mut take = |len| {
            let inner = Self::of(children.by_ref().take(len));
            (inner.least[0], Node::Inner(Arc::new(inner)))
        };
        if all <= node::FANOUT {
            ArrayVec::from_iter([take(all)])
        } else {
            ArrayVec::from([take(all / 2), take(all - all / 2)])
        }
    }
}
