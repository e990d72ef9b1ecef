//! The other way to a shard: from its id to where its range starts. Kept in step with the index by [`super::draft`], which
//! is the only one to change either.

use im::OrdMap;

use crate::key::Key;
use crate::shard::ShardId;

/// See the module.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Directory {
    starts: OrdMap<ShardId, Key>,
}

impl Directory {
    pub(super) fn of<'k>(starts: impl Iterator<Item = (ShardId, &'k [u8])>) -> Self {
        Self { starts: starts.map(|(id, start)| (id, Key::from(start))).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// About how many bytes each shard takes.
    pub(super) fn entry_bytes(&self) -> usize {
        size_of::<(ShardId, Key)>()
    }

    /// Where the range of a shard starts: its place in the index.
    pub(super) fn start_of(&self, id: ShardId) -> Option<&[u8]> {
        self.starts.get(&id).map(Key::as_bytes)
    }

    pub(super) fn enter(&mut self, id: ShardId, start: &[u8]) {
        self.starts.insert(id, Key::from(start));
    }

    pub(super) fn leave(&mut self, id: ShardId) {
        self.starts.remove(&id);
    }
}
