//! Changing the tree: what is shared with another version is copied, node by node along one path, and the inner nodes that
//! this version alone has are changed in place.

use std::ops::Range;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Ids;
use super::leaf::{self, Leaf, Lone, Run};
use super::node::{self, Inner, Node};
use crate::shard::ShardId;

/// How many entries are put in or taken out at once: as many as a split has children, and a merge parents.
const TOGETHER: usize = 2;

/// What to do at one id.
struct Edit<'s> {
    id: u64,
    /// How many entries to take out, if they are there: of this id, and of those that follow it immediately and are in the same
    /// leaf.
    gone: usize,
    /// The entries to put there, of which the first has this id. If there are more, no id of the tree is greater than the first.
    new: &'s [Lone<'s>],
}

/// What came of it. Written where it stays, because it is handed up through every level.
#[derive(Default)]
struct Done {
    /// How many entries went, be it for others in their stead.
    gone: usize,
    /// What did not fit into the node and belongs right after it, with its least id.
    beside: Option<(u64, Node)>,
}

impl Ids {
    /// Says where a shard starts, in the stead of what was said before. O(log n).
    pub(in crate::table) fn insert(&mut self, id: ShardId, start: &[u8]) {
        self.insert_all([(id, start)]);
    }

    /// Says where some shards start, in the stead of what was said before. O(log n) for each; neighbours that are greater than
    /// all that have been there go in together.
    pub(in crate::table) fn insert_all<'s>(
        &mut self,
        entries: impl IntoIterator<Item = (ShardId, &'s [u8])>,
    ) {
        let mut entries = entries.into_iter().map(|(id, start)| (id.0, start)).peekable();
        while let Some((id, start)) = entries.next() {
            let mut new = ArrayVec::<_, TOGETHER>::from_iter([Lone::new(id, start)]);
            let mut last = id;
            while id >= self.beyond && !new.is_full() {
                let Some((id, start)) = entries.next_if(|(id, _)| *id > last) else { break };
                new.push(Lone::new(id, start));
                last = id;
            }
            self.beyond = self.beyond.max(last.saturating_add(1));
            self.put(&Edit { id, gone: 1, new: &new });
        }
    }

    fn put(&mut self, edit: &Edit<'_>) {
        let mut done = Done::default();
        match &mut self.root {
            None => self.root = Some(Node::Leaf(Leaf::of(&runs(edit.new)))),
            Some(root) => {
                root.edit(edit, true, &mut done);
                if let Some(beside) = done.beside {
                    *root = Node::Inner(Arc::new(Inner::of([(0, root.clone()), beside])));
                }
            }
        }
        self.len = self.len + edit.new.len() - done.gone;
    }

    /// Takes out what is said of some shards, and says of how many there was anything. O(log n) for each; those whose ids follow
    /// each other, as those do that came of one split, go out together.
    pub(in crate::table) fn remove_all(&mut self, ids: impl IntoIterator<Item = ShardId>) -> usize {
        let mut ids = ids.into_iter().map(|ShardId(id)| id).peekable();
        let mut removed = 0;
        while let Some(id) = ids.next() {
            let next = id.checked_add(1).and_then(|next| ids.next_if_eq(&next));
            let taken = self.take_out(id, 1 + usize::from(next.is_some()));
            removed += match next {
                // It is in another leaf, or the first was nowhere.
                Some(next) if taken < 2 => taken + self.take_out(next, 1),
                _ => taken,
            };
        }
        removed
    }

    /// So many ids, as far as they are in the leaf of the first.
    fn take_out(&mut self, id: u64, gone: usize) -> usize {
        let mut done = Done::default();
        if let Some(root) = &mut self.root {
            root.edit(&Edit { id, gone, new: &[] }, true, &mut done);
        }
        self.len -= done.gone;
        while let Some(root) = &self.root {
            match root {
                Node::Inner(inner) if inner.children.len() == 1 => {
                    self.root = Some(inner.children[0].clone())
                }
                root if root.len() == 0 => self.root = None,
                _ => break,
            }
        }
        done.gone
    }
}

impl Node {
    /// Whether there was anything to do: nothing is changed, and nothing copied, where there is nothing to take out. The
    /// `last` node of a level has all ids of the tree that are greater.
    fn edit(&mut self, edit: &Edit<'_>, last: bool, done: &mut Done) -> bool {
        if let Self::Inner(inner) = self {
            if let Some(inner) = Arc::get_mut(inner) {
                let (place, below) = inner.below(edit, last);
                let edited = inner.children[place].edit(edit, below, done);
                if edited {
                    inner.settle(place, edit, last, done);
                }
                return edited;
            }
        }
        match self.edited(edit, last, done) {
            Some(edited) => *self = edited,
            None => return false,
        }
        true
    }

    /// Of a node that is shared: so is all below.
    fn edited(&self, edit: &Edit<'_>, last: bool, done: &mut Done) -> Option<Self> {
        match self {
            Self::Leaf(leaf) => leaf.edited(edit, last, done).map(Self::Leaf),
            Self::Inner(inner) => {
                inner.warm();
                let (place, below) = inner.below(edit, last);
                let child = inner.children[place].edited(edit, below, done)?;
                // Filled where it will stay.
                let mut copy = Arc::<Inner>::default();
                let space = Arc::get_mut(&mut copy)?;
                space.fill_from(inner, place, child);
                space.settle(place, edit, last, done);
                Some(Self::Inner(copy))
            }
        }
    }
}

impl Leaf {
    fn edited(&self, edit: &Edit<'_>, last: bool, done: &mut Done) -> Option<Self> {
        let (len, place) = (self.len(), self.rank(edit.id));
        let is_gone = |nth: &usize| self.has(place + nth, edit.id + *nth as u64);
        done.gone = (0..edit.gone).take_while(is_gone).count();
        let after = place + done.gone;
        if edit.new.is_empty() && done.gone == 0 {
            return None;
        }
        if len - done.gone + edit.new.len() <= leaf::FANOUT {
            return Some(self.with(0..place, edit.new, after..len));
        }
        let half = leaf::FANOUT / 2;
        let (lower, upper) = if last && place == len {
            // More will follow at the right edge, and nothing in this leaf.
            (self.clone(), Self::of(&runs(edit.new)))
        } else if place <= half {
            (self.with(0..place, edit.new, place..half), self.with(half..len, &[], len..len))
        } else {
            (self.with(0..half, &[], half..half), self.with(half..place, edit.new, place..len))
        };
        done.beside = Some((upper.id(0), Node::Leaf(upper)));
        Some(lower)
    }

    /// A leaf of some entries from here, new ones, and others from here.
    fn with(&self, before: Range<usize>, new: &[Lone<'_>], after: Range<usize>) -> Self {
        let mut runs = runs(new);
        runs.insert(0, self.run(before));
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
    fn below(&self, edit: &Edit<'_>, last: bool) -> (usize, bool) {
        let place = self.place(edit.id);
        (place, last && place + 1 == self.children.len())
    }

    /// Makes good what an edit left of a child.
    fn settle(&mut self, place: usize, edit: &Edit<'_>, last: bool, done: &mut Done) {
        if !edit.new.is_empty() {
            if let Some((least, child)) = done.beside.take() {
                done.beside = self.put(place + 1, least, child, last);
            }
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

    /// Adds a child, and gives the upper part of the node if it had to be split.
    fn put(&mut self, place: usize, least: u64, child: Node, last: bool) -> Option<(u64, Node)> {
        let half = node::FANOUT / 2;
        if self.children.len() < node::FANOUT {
            self.insert(place, least, child);
            return None;
        }
        let upper = if last && place == node::FANOUT {
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

/// With room for what was there before and behind.
fn runs<'l>(new: &'l [Lone<'_>]) -> ArrayVec<Run<'l>, { TOGETHER + 2 }> {
    new.iter().map(Lone::run).collect()
}
