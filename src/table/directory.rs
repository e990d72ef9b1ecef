//! The two other ways to a shard: from its id, and from the nodes that hold it. Kept in step with the index by
//! [`super::draft`], which is the only one to change either.

use im::{OrdMap, OrdSet};

use crate::key::Key;
use crate::shard::{NodeId, ShardId, ShardRecord};

/// See the module.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Directory {
    starts: OrdMap<ShardId, Key>,
    hosted: OrdMap<NodeId, Hosted>,
}

/// What one node holds.
#[derive(Clone, Default, PartialEq)]
struct Hosted {
    leads: OrdSet<ShardId>,
    replicates: OrdSet<ShardId>,
}

impl Directory {
    /// Of these shards, whose ids differ.
    pub(super) fn of(records: &[ShardRecord]) -> Self {
        let mut directory = Self::default();
        records.iter().for_each(|record| directory.enter(record));
        directory
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// About how many bytes each shard takes: its id and start, and its id on a few nodes.
    pub(super) fn entry_bytes(&self) -> usize {
        size_of::<(ShardId, Key)>() + 3 * size_of::<ShardId>()
    }

    /// Where the range of a shard starts: its place in the index.
    pub(super) fn start_of(&self, id: ShardId) -> Option<&[u8]> {
        self.starts.get(&id).map(Key::as_bytes)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.hosted.keys().copied()
    }

    pub(super) fn led_by(&self, node: NodeId) -> impl Iterator<Item = ShardId> {
        self.hosted.get(&node).into_iter().flat_map(|hosted| hosted.leads.iter().copied())
    }

    pub(super) fn replicated_by(&self, node: NodeId) -> impl Iterator<Item = ShardId> {
        self.hosted.get(&node).into_iter().flat_map(|hosted| hosted.replicates.iter().copied())
    }

    pub(super) fn enter(&mut self, record: &ShardRecord) {
        self.starts.insert(record.id, record.range.start_key().clone());
        self.enter_nodes(record);
    }

    pub(super) fn leave(&mut self, record: &ShardRecord) {
        self.starts.remove(&record.id);
        self.leave_nodes(record);
    }

    /// A shard lives on under its id, with other contents. Most of the time it is found where it was.
    pub(super) fn amend(&mut self, old: &ShardRecord, new: &ShardRecord) {
        if old.range.start_key() != new.range.start_key() {
            self.starts.insert(new.id, new.range.start_key().clone());
        }
        if !new.same_members(old) {
            self.leave_nodes(old);
            self.enter_nodes(new);
        }
    }

    fn enter_nodes(&mut self, record: &ShardRecord) {
        self.hosted.entry(record.leader).or_default().leads.insert(record.id);
        for node in &record.replicas {
            self.hosted.entry(*node).or_default().replicates.insert(record.id);
        }
    }

    fn leave_nodes(&mut self, record: &ShardRecord) {
        self.with_hosted(record.leader, |hosted| hosted.leads.remove(&record.id));
        for node in &record.replicas {
            self.with_hosted(*node, |hosted| hosted.replicates.remove(&record.id));
        }
    }

    /// A node that holds nothing any more is forgotten.
    fn with_hosted(&mut self, node: NodeId, take: impl FnOnce(&mut Hosted) -> Option<ShardId>) {
        if let Some(hosted) = self.hosted.get_mut(&node) {
            take(hosted);
            if hosted.leads.is_empty() && hosted.replicates.is_empty() {
                self.hosted.remove(&node);
            }
        }
    }
}
