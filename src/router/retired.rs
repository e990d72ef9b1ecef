//! Tables that were replaced, until nobody reads them. Freed by writers, a few at each publish; never by a reader, because
//! this list holds on to each table until it is the only one that does.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sync::{Lock, Stack, broken, holders, is_alone};
use crate::table::Table;

/// How many waiting tables a publish looks at: more than the one that it adds, so that none waits without end.
const LOOKS: usize = 4;

/// Replaced tables. A writer never waits here: if no other one is about the sorting, it puts its table in the queue, with what
/// lies on the stack, and looks at a few in turn. Else it leaves the table on the stack.
#[derive(Default)]
pub(super) struct Retired {
    arrived: Stack<Arc<Table>>,
    waiting: Lock<VecDeque<Arc<Table>>>,
}

/// What replaced tables keep in memory, as [`Router::retained`](super::Router::retained) found it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// How many replaced tables are still in memory.
    pub tables: usize,
    /// How many of them wait for a [`Reader`](super::Reader) or [`Snapshot`](super::Snapshot) to let go. The others wait
    /// for the next publish, or for [`Router::reclaim`](super::Router::reclaim).
    pub held: usize,
    /// How many readers, snapshots and writers hold them, all together.
    pub holders: usize,
    /// About how many bytes they keep: what was replaced since. An estimate, from the number of changes.
    pub bytes: u64,
    /// The revision of the oldest.
    pub oldest_revision: Option<u64>,
}

impl Retired {
    /// Takes a table that is no longer published. O(1), but for freeing what is due.
    pub(super) fn retire(&self, table: Arc<Table>) {
        // Broken twins, which the models must reject.
        if broken("retire_skipped") {
            return;
        }
        if broken("retired_twice") {
            self.arrived.push(Arc::clone(&table));
        }
        if let Some(mut waiting) = self.waiting.try_lock() {
            waiting.push_back(table);
            self.sort(&mut waiting, LOOKS);
        } else {
            self.arrived.push(table);
            // Who was about it may have been done by then.
            self.sweep(LOOKS);
        }
    }

    /// Looks at `most` waiting tables, the longest waiting first, frees those that nobody else holds, and says how many
    /// those were. None, if another thread is at it.
    pub(super) fn sweep(&self, most: usize) -> usize {
        let Some(mut waiting) = self.waiting.try_lock() else { return 0 };
        self.sort(&mut waiting, most)
    }

    /// [`sweep`](Self::sweep), by who has the queue.
    fn sort(&self, waiting: &mut VecDeque<Arc<Table>>, most: usize) -> usize {
        waiting.extend(self.arrived.take_all());
        let mut freed = 0;
        for _ in 0..most.min(waiting.len()) {
            match waiting.pop_front() {
                Some(mut table) if is_alone(&table) => {
                    freed += 1;
                    if let Some(table) = Arc::get_mut(&mut table) {
                        table.take_apart();
                    }
                }
                Some(table) => waiting.push_back(table),
                None => break,
            }
        }
        freed
    }

    /// What waits behind the published table, of which `current` is one.
    pub(super) fn retained(&self, current: &Table) -> Retained {
        let mut waiting = self.waiting.lock();
        waiting.extend(self.arrived.take_all());
        let mut by_revision: Vec<_> = waiting.iter().collect();
        by_revision.sort_unstable_by_key(|table| table.revision());
        let newer = by_revision.iter().skip(1).map(|table| &***table).chain([current]);
        Retained {
            tables: by_revision.len(),
            held: by_revision.iter().filter(|table| !is_alone(table)).count(),
            holders: by_revision.iter().map(|table| holders(table)).sum(),
            bytes: by_revision.iter().zip(newer).map(|(table, newer)| table.bytes_apart_from(newer)).sum(),
            oldest_revision: by_revision.first().map(|table| table.revision()),
        }
    }
}
