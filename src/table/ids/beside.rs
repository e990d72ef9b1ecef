//! What is said beside the tree: the newest entries, and a few ids that have ended. When either goes into the tree is the
//! business of [`Ids`](super::Ids).

use arrayvec::ArrayVec;

use super::TOGETHER;
use super::leaf::{self, Leaf, Lone};

/// How many ids wait to be taken out. With more, more of them have nodes in common, and more nodes are replaced at once.
const WAITING: usize = 16;

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Beside {
    /// Entries whose ids are greater than all in the tree. Never without any.
    pub(super) newest: Option<Leaf>,
    /// Ids that are in the tree, in any order, though nothing is to be said of them.
    pub(super) ended: ArrayVec<u64, WAITING>,
}

impl Beside {
    pub(super) fn newest_len(&self) -> usize {
        self.newest.as_ref().map_or(0, Leaf::len)
    }

    /// The newest entries, if that is where such an id belongs.
    pub(super) fn newest_around(&self, id: u64) -> Option<&Leaf> {
        self.newest.as_ref().filter(|newest| newest.id(0) <= id)
    }

    pub(super) fn has_ended(&self, id: u64) -> bool {
        self.ended.contains(&id)
    }

    pub(super) fn has_room_for(&self, new: &[Lone<'_>]) -> bool {
        self.newest_len() + new.len() <= leaf::FANOUT
    }

    /// Adds entries whose ids are greater than all, and for which there is room.
    pub(super) fn append(&mut self, new: &[Lone<'_>]) {
        let runs = self.newest.iter().map(Leaf::all).chain(new.iter().map(Lone::run));
        let newest = Leaf::of(&runs.collect::<ArrayVec<_, { 1 + TOGETHER }>>());
        self.newest = Some(newest);
    }

    /// Puts an entry among the newest, if it belongs there and there is room for it; says whether that was so.
    pub(super) fn try_put(&mut self, lone: &Lone<'_>) -> bool {
        let newest = self.newest_around(lone.id()).and_then(|newest| newest.try_put(lone));
        newest.map(|newest| self.newest = Some(newest)).is_some()
    }

    /// Takes an id out of the newest, if it belongs there; says whether it does.
    pub(super) fn try_remove(&mut self, id: u64) -> bool {
        let rest = self.newest_around(id).map(|newest| newest.without(&[id]).0);
        rest.map(|rest| self.newest = Some(rest).filter(|rest| rest.len() > 0)).is_some()
    }

    /// All that have ended, in ascending order. None are left.
    pub(super) fn take_ended(&mut self) -> ArrayVec<u64, WAITING> {
        let mut ended = self.ended.take();
        ended.sort_unstable();
        ended
    }
}
