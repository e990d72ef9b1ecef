//! A few ids that have ended. Where they are is not known here.

/// How many there are at most. With more, more of them share a path when they are taken out, and each table has more to copy.
const MOST: usize = 16;

/// See the module. An array, because that is copied at once; beyond the length it means nothing.
#[derive(Clone, Copy, Default)]
pub(super) struct Ended {
    ids: [u64; MOST],
    len: usize,
}

impl Ended {
    pub(super) fn as_slice(&self) -> &[u64] {
        &self.ids[..self.len]
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == MOST
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.as_slice().contains(&id)
    }

    /// Adds one, for which there is room.
    pub(super) fn push(&mut self, id: u64) {
        self.ids[self.len] = id;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(place) = self.as_slice().iter().position(|other| *other == id) {
            self.len -= 1;
            self.ids[place] = self.ids[self.len];
        }
    }

    /// All of them in ascending order; none are left.
    pub(super) fn take_all(&mut self) -> Self {
        let mut all = std::mem::take(self);
        all.ids[..all.len].sort_unstable();
        all
    }
}
