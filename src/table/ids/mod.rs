//! Where each shard starts, by its id: a persistent map from ids to byte strings. Finds the start of one id, changes a few
//! entries, walks over all. What else is known of a shard, and that ids and starts fit the index, is not known here.
//!
//! Most of it is a B+tree, [`tree`]. To change that is to copy a path of nodes, and to count the references of all that these
//! have in common with the old ones up, and later down. But a change to a table says little of ids: that one or two of them
//! have ended, and that one or two have come, which are greater than all. So that is kept [`beside`] the tree: what has come in
//! a leaf that becomes the last one of the tree when it is full (as the tail of Clojure's vectors), and what has ended in a
//! list. When that is full they are taken out one after another, and those whose paths meet copy what these have in common
//! once.
//!
//! A clone is O(1) and shares all nodes. [`leaf`] is how entries lie in memory, [`node`] the way to them, [`batch`] finds many at
//! once; [`build`] makes trees of many entries at once, [`edit`] changes them, [`iter`] walks over them, [`check`] checks every
//! invariant.

mod batch;
mod beside;
mod build;
mod check;
mod edit;
mod iter;
mod leaf;
mod node;
mod tree;

use std::sync::Arc;

use arrayvec::ArrayVec;

use crate::shard::ShardId;
use beside::Beside;
use leaf::Lone;
use node::Node;
use tree::Tree;

pub(super) use build::{Builder, FULL_LEAF};

/// How many entries are put in at once: as many as a split has children.
const TOGETHER: usize = 2;

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Ids {
    tree: Tree,
    /// Apart, because most changes are none to ids, and copy a table in any case.
    beside: Arc<Beside>,
    /// Of all ids that are there, or have been.
    greatest: Option<u64>,
}

impl Ids {
    pub(super) fn len(&self) -> usize {
        self.tree.len + self.beside.newest_len() - self.beside.ended.len()
    }

    /// Where the shard starts. O(log n).
    pub(super) fn get(&self, ShardId(id): ShardId) -> Option<&[u8]> {
        self.get_or(id, || self.tree.get(id))
    }

    /// What is said beside the tree, or else in it.
    fn get_or<'t>(&'t self, id: u64, in_tree: impl FnOnce() -> Option<&'t [u8]>) -> Option<&'t [u8]> {
        match self.beside.newest_around(id) {
            Some(newest) => newest.get(id),
            None if self.beside.has_ended(id) => None,
            None => in_tree(),
        }
    }

    /// Says where a shard starts, in the stead of what was said before. O(log n).
    pub(super) fn insert(&mut self, id: ShardId, start: &[u8]) {
        self.insert_all([(id, start)]);
    }

    /// Says where some shards start, in the stead of what was said before. O(log n) for each that has been there before, O(1)
    /// in the mean for one that is greater than all.
    pub(super) fn insert_all<'s>(&mut self, entries: impl IntoIterator<Item = (ShardId, &'s [u8])>) {
        let mut new = ArrayVec::<_, TOGETHER>::new();
        for (ShardId(id), start) in entries {
            let is_new = self.greatest.is_none_or(|greatest| greatest < id);
            if !is_new || new.is_full() {
                self.append(&new.take());
            }
            if is_new {
                self.greatest = Some(id);
                new.push(Lone::new(id, start));
            } else {
                self.put(Lone::new(id, start));
            }
        }
        self.append(&new);
    }

    /// Entries whose ids are greater than all that are there.
    fn append(&mut self, new: &[Lone<'_>]) {
        if new.is_empty() {
            return;
        }
        if !self.beside.has_room_for(new) {
            self.take_in_newest();
        }
        Arc::make_mut(&mut self.beside).append(new);
    }

    /// One that may be there, or have been.
    fn put(&mut self, lone: Lone<'_>) {
        if Arc::make_mut(&mut self.beside).try_put(&lone) {
            return;
        }
        // It belongs among them, and they have no room.
        if self.beside.newest_around(lone.id()).is_some() {
            self.take_in_newest();
        }
        Arc::make_mut(&mut self.beside).ended.retain(|id| *id != lone.id());
        self.tree.put(lone);
    }

    fn take_in_newest(&mut self) {
        if let Some(newest) = Arc::make_mut(&mut self.beside).newest.take() {
            self.tree.append(newest);
        }
    }

    /// Takes out what is said of a shard that is there. O(log n) in the mean, and O(1) mostly.
    pub(super) fn remove(&mut self, ShardId(id): ShardId) {
        debug_assert!(self.get(ShardId(id)).is_some(), "the id is there");
        if Arc::make_mut(&mut self.beside).try_remove(id) {
            return;
        }
        if self.beside.ended.is_full() {
            self.take_out_ended();
        }
        Arc::make_mut(&mut self.beside).ended.push(id);
    }

    fn take_out_ended(&mut self) {
        self.tree.take_out(&Arc::make_mut(&mut self.beside).take_ended());
    }

    /// About how many bytes each entry takes, but for its start.
    pub(super) fn entry_bytes(&self) -> usize {
        leaf::ENTRY + (size_of::<Node>() + 3 * size_of::<u64>()) / leaf::FANOUT
    }
}

#[cfg(test)]
mod tests;
