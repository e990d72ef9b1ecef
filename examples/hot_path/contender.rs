//! What is measured, as readers and writers see it, so that both contenders get the very same load. They are in
//! [`crate::lock_free`] and [`crate::locked`].

use shardway::{Access, Error, Refusal, Route, ShardId, ShardRecord};

use crate::layout::Layout;
use crate::step::{Phase, Refused, Step};

/// A routing table that threads share.
pub(crate) trait Contender: Sync + Sized {
    const NAME: &'static str;

    /// How it keeps its shards.
    type Layout: Layout;

    /// Another way to keep them, that has no code in common with the first.
    type Judge: Layout;

    /// What one reader thread looks up with.
    type Lookups<'c>: Lookups
    where
        Self: 'c;

    fn new(records: &[ShardRecord]) -> Result<Self, Error>;

    fn lookups(&self) -> Self::Lookups<'_>;

    /// Shows the newest state.
    fn survey<R>(&self, look: impl FnOnce(&Self::Layout) -> R) -> R;

    /// Gives the revision that the step made.
    fn publish(&self, step: &Step, phase: Phase) -> Result<u64, Refused>;

    /// Checks what else should hold of it once all threads are done.
    fn verify(&self) -> Result<(), String> {
        Ok(())
    }
}

/// One reader thread's way in.
pub(crate) trait Lookups {
    /// One request, as a server would make it: turns to the newest state, finds the owner of the key, and sees whether it
    /// serves the access.
    fn ask(&mut self, key: &[u8], access: Access) -> Answer;

    /// What the state that an answer came from says of the shard that the answer names.
    fn evidence(&mut self, key: &[u8], answer: &Answer) -> Evidence;

    /// No more evidence will be asked for on what was answered before.
    fn forget(&mut self) {}
}

/// What one request was told, and by which revision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) revision: u64,
    pub(crate) outcome: Result<Route, Refusal>,
}

/// What can be held against an answer: found by the id of the shard, where the answer was found by the key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Evidence {
    Shard {
        owns_key: bool,
        route: Route,
    },
    NoSuchShard,
    /// The state is gone, and the shard has changed since: only the order of revisions and the fence can be checked.
    Overwritten,
}

impl Answer {
    /// The shard that owns the key, whether it serves the request or not.
    pub(crate) fn route(&self) -> Option<Route> {
        match self.outcome {
            Ok(route) | Err(Refusal::NotServing { route, .. }) => Some(route),
            Err(_) => None,
        }
    }
}

impl Evidence {
    pub(crate) fn from(layout: &impl Layout, key: &[u8], shard: ShardId) -> Self {
        layout
            .by_id(shard)
            .map_or(Self::NoSuchShard, |site| Self::Shard { owns_key: site.owns(key), route: site.route })
    }
}
