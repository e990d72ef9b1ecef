//! Which routes were learned longest ago: for who forgets by age and by size. Hints only: each is held against the table before
//! anything is forgotten by it, so that it does no harm if it is no longer true.

use std::collections::BTreeSet;

use crate::router::Snapshot;
use crate::shard::{ShardId, Timestamp};
use crate::sync::Lock;

/// See the module. The lock is never held while a table is published.
#[derive(Default)]
pub(super) struct Ages(Lock<BTreeSet<Hint>>);

/// When a shard was learned.
pub(super) type Hint = (Timestamp, ShardId);

/// Hints that are not true any more are tolerated up to as many as there are routes, and these.
const SLACK: usize = 1_024;

impl Ages {
    /// These were learned, and that is published. O(log n) each, but that now and then all hints are gone through.
    pub(super) fn note(
        &self,
        shards: impl Iterator<Item = ShardId>,
        now: Timestamp,
        table: impl Fn() -> Snapshot,
    ) {
        let mut hints = self.0.lock();
        hints.extend(shards.map(|shard| (now, shard)));
        // Under the lock: what any hint says was published before.
        let table = table();
        if hints.len() > 2 * table.len() + SLACK {
            let is_true = |hint: &Hint| table.shard(hint.1).is_some_and(|shard| shard.updated() == hint.0);
            hints.retain(is_true);
        }
    }

    /// Takes out the oldest hints, up to `most`, as long as they are `due`.
    pub(super) fn take_oldest(&self, most: usize, due: impl Fn(Timestamp) -> bool) -> Vec<Hint> {
        let mut hints = self.0.lock();
        let mut oldest = Vec::new();
        while oldest.len() < most {
            match hints.first().copied().filter(|hint| due(hint.0)) {
                Some(hint) => oldest.push(hint),
                None => break,
            }
            hints.pop_first();
        }
        oldest
    }
}
