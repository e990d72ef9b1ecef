//! The hot path: one handle in each thread.

use std::fmt;
use std::sync::Arc;

use super::{Shared, Snapshot};
use crate::key::AsKeyRange;
use crate::shard::{Access, NodeId, Refusal, Route, Token};
use crate::sync::Follower;
use crate::table::{Denial, Finger, Grouping, Leader, Table};

/// A thread's own way into a [`Router`](super::Router). Every call sees the newest table: whether the one at hand still is
/// it takes one load of a line that only publishing writes.
///
/// No call waits, allocates (but for a few words when a thread reads for the first time), or frees a table: the writer
/// that replaced it does. The revisions that a reader sees never go back. An idle reader keeps the table that it saw last
/// alive until its next call.
///
/// Keys that come in order, or near each other, cost about half: a reader looks first where it found the last key, once that
/// was of use for a while.
///
/// ```
/// use shardway::{NodeId, Router};
///
/// let router = Router::whole(NodeId(1));
/// let mut reader = router.reader();
/// std::thread::spawn(move || reader.resolve("user/4711").map(|route| route.leader)).join().unwrap()?;
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone)]
pub struct Reader {
    table: Follower<Arc<Shared>, Table>,
    /// Serves whatever table is at hand.
    finger: Finger,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { table: Follower::new(shared), finger: Finger::default() }
    }

    /// The route of the shard that owns `key` now. O(log n).
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap.
    // Compilers shy away from the rare case inside, that the table is another. A call costs more than the way to the table,
    // because the route is copied once more: 5 ns of 30 (`cargo bench --bench peers`).
    #[inline(always)]
    pub fn resolve(&mut self, key: impl AsRef<[u8]>) -> Result<Route, Refusal> {
        self.table.value().resolve_near(key, &mut self.finger)
    }

    /// The route of the shard that owns `key`, if it serves `access` now. O(log n).
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap; [`Refusal::NotServing`], with the route, if the state of the shard
    /// does not allow the access.
    #[inline]
    pub fn resolve_for(&mut self, key: impl AsRef<[u8]>, access: Access) -> Result<Route, Refusal> {
        let table = self.table.value();
        table.if_serving(table.resolve_near(key, &mut self.finger)?, access)
    }

    /// The routes of the shards that own these keys now, in the order of the keys, all of one revision: see
    /// [`Table::resolve_many`].
    #[inline]
    pub fn resolve_many<K: AsRef<[u8]>>(&mut self, keys: &[K], answers: &mut Vec<Result<Route, Refusal>>) {
        self.table.value().resolve_many_near(keys, answers, &mut self.finger);
    }

    /// Groups a batch of keys by the shards that own them now, all of one revision: see [`Table::group_by_shard`].
    #[inline]
    pub fn group_by_shard<K: AsRef<[u8]>>(&mut self, keys: &[K], grouping: &mut Grouping<Route>) {
        self.table().group_by_shard(keys, grouping);
    }

    /// Groups a batch of keys by the nodes that lead their shards now, all of one revision: see
    /// [`Table::group_by_leader`].
    #[inline]
    pub fn group_by_leader<K: AsRef<[u8]>>(&mut self, keys: &[K], grouping: &mut Grouping<Leader>) {
        self.table().group_by_leader(keys, grouping);
    }

    /// Whether `node` may serve a request for `key` whose sender knew its shard by `token`, now: see [`Table::admit`].
    ///
    /// # Errors
    ///
    /// A [`Denial`], with its cure.
    #[inline]
    pub fn admit(
        &mut self,
        node: NodeId,
        token: Token,
        key: impl AsRef<[u8]>,
        access: Access,
    ) -> Result<Route, Denial<'_>> {
        let (table, key) = (self.table.value(), key.as_ref());
        let found = table.resolve_near(key, &mut self.finger);
        table.admit_found(node, token, key, access, found)
    }

    /// The same for a request that is about all keys of a range: see [`Table::admit_range`].
    ///
    /// # Errors
    ///
    /// A [`Denial`], with its cure.
    pub fn admit_range(
        &mut self,
        node: NodeId,
        token: Token,
        range: impl AsKeyRange,
        access: Access,
    ) -> Result<Route, Denial<'_>> {
        self.table().admit_range(node, token, range, access)
    }

    /// The table as it is now, borrowed for several questions on one revision. O(1), and counts no reference.
    #[inline(always)]
    pub fn table(&mut self) -> &Table {
        self.table.value()
    }

    /// The table as it is now, to keep. O(1); counts a reference on a shared line.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot::new(Arc::clone(self.table.value()))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
