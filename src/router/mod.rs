//! One published table and its ways in: [`Router`] for one-shot questions and for writers, [`Reader`] for the hot path,
//! [`Snapshot`] for many questions on one revision, [`Watch`] to be told of new ones. How a table searches and changes is not known here.
//!
//! The protocol is short. The published table is a pointer in a cell. A writer makes the next table from the published one,
//! in private, and exchanges the pointer for its own if it is still the one that it started from; if not, another writer
//! has succeeded, and it starts again from that one's table. It then hands the table that it replaced to [`retired`], where
//! writers free it once nobody else holds it.

mod reader;
mod retired;
mod snapshot;
pub(crate) mod telemetry;
mod watch;

use std::fmt;
use std::sync::Arc;

use crate::change::{Change, Halves, Outcome, Summary};
use crate::error::Error;
use crate::key::Key;
use crate::shard::{Access, NodeId, Refusal, Route, ShardId, ShardRecord};
use crate::sync::{Cell, Signal, broken};
use crate::table::{Delta, Table};
use retired::Retired;
use telemetry::Telling;

pub use reader::Reader;
pub use retired::Retained;
pub use snapshot::Snapshot;
#[cfg(feature = "metrics")]
pub use telemetry::describe_metrics;
pub use watch::{Step, Watch};

/// The routing table that a process serves from: share it, read it without locks, change it atomically.
///
/// A router is a handle; clones share one table. To publish is rare, and to read must cost next to nothing, so there are
/// three ways to read:
///
/// | | for | cost beyond the look-up itself |
/// |---|---|---|
/// | [`Router::resolve`] | one question now and then | a borrow of the table: a few writes to lines of this thread |
/// | [`Router::snapshot`] | several questions on one revision, kept as long as wanted | two counts on a shared line |
/// | [`Router::reader`] | the hot path, one in each thread | one load of a line that only publishing writes |
///
/// No way in waits for a writer, allocates (but for a few words when a thread reads for the first time), or frees a table.
/// Who wants to be told of new tables, rather than to ask, takes a [`Router::watch`].
///
/// ```
/// use shardway::{Change, NodeId, Router};
///
/// let router = Router::whole(NodeId(1));
/// let first = router.resolve("")?.shard;
/// let halves = router.split(first, "user/5000")?;
///
/// let mut reader = router.reader();
/// assert_eq!(reader.resolve("user/4711")?.shard, halves.lower);
///
/// router.transact([
///     Change::split(halves.upper, "user/7000"),
///     Change::transfer(halves.lower, NodeId(2)),
/// ])?;
/// assert_eq!(reader.resolve("user/4711")?.leader, NodeId(2));
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone)]
pub struct Router {
    shared: Arc<Shared>,
    /// Goes with the last handle; only dropped.
    _open: Arc<Open>,
}

/// What all handles of one router share.
struct Shared {
    cell: Cell<Table>,
    retired: Retired,
    signal: Signal,
}

/// There is a handle that may publish. Readers and watches keep what is shared, but not this.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        // Comes after all publishes: `Arc` drops its value after all that its other holders did.
        self.0.signal.close();
    }
}

impl AsRef<Cell<Table>> for Shared {
    fn as_ref(&self) -> &Cell<Table> {
        &self.cell
    }
}

/// Making a router, and reading.
impl Router {
    /// A router that publishes `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        let (cell, retired, signal) = (Cell::new(Arc::new(table)), Retired::default(), Signal::default());
        let shared = Arc::new(Shared { cell, retired, signal });
        Self { _open: Arc::new(Open(Arc::clone(&shared))), shared }
    }

    /// A router over one shard that owns every key, led by `leader`.
    #[must_use]
    pub fn whole(leader: NodeId) -> Self {
        Self::new(Table::whole(leader))
    }

    /// The route of the shard that owns `key` now. Convenient; on the hot path ask a [`Reader`].
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap.
    #[inline]
    pub fn resolve(&self, key: impl AsRef<[u8]>) -> Result<Route, Refusal> {
        self.shared.cell.load().resolve(key)
    }

    /// The route of the shard that owns `key`, if it serves `access` now.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap; [`Refusal::NotServing`], with the route, if the state of the shard
    /// does not allow the access.
    #[inline]
    pub fn resolve_for(&self, key: impl AsRef<[u8]>, access: Access) -> Result<Route, Refusal> {
        self.shared.cell.load().resolve_for(key, access)
    }

    /// The table as it is now, for any number of questions on one revision.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.shared.cell.load_full())
    }

    /// A handle for the hot path of one thread.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Follows the table: from the one that is published now, step by step to newer ones, by waiting for them. O(1).
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch_from(self.snapshot())
    }

    /// [`watch`](Self::watch), from a table that was seen before: if another one is published now, the first step leads there
    /// at once. O(1).
    ///
    /// The snapshot may be of any router, say of one over a table that was stored. So a follower that was away hears what
    /// differs, however that came about.
    ///
    /// ```
    /// use shardway::{NodeId, Router};
    ///
    /// let router = Router::whole(NodeId(1));
    /// let seen = router.snapshot();
    /// router.split(seen.resolve("")?.shard, "m")?;
    ///
    /// let step = router.watch_from(seen).wait().unwrap();
    /// assert_eq!((step.newer.revision(), step.diff().count()), (2, 2));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn watch_from(&self, seen: Snapshot) -> Watch {
        Watch::new(Arc::clone(&self.shared), seen)
    }

    /// The revision that is published now.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.shared.cell.load().revision()
    }
}

/// Writing. Every call is one transaction: it publishes one new table or, if it is refused or alters nothing, none.
///
/// Writers are lock-free: each one validates its changes against the table that is published, and does so again only
/// because another one has published meanwhile. When a call returns, every reader that looks sees its effect.
impl Router {
    /// Carries out all changes in their order, or none, as [`Table::apply`] does, and publishes the result.
    ///
    /// O(log n) for each change, and again for each writer that was faster.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`], with the place of the first change that was refused, and why.
    pub fn transact(&self, changes: impl AsRef<[Change]>) -> Result<Summary, Error> {
        self.transact_with(|_| Ok(changes.as_ref()))
    }

    /// [`transact`](Self::transact), with changes that depend on the table that they are applied to: `plan` is given the
    /// published table, and again another one when another writer was faster. It should be quick, and do nothing but plan.
    ///
    /// # Errors
    ///
    /// What `plan` refuses with, and what [`transact`](Self::transact) does.
    ///
    /// ```
    /// use shardway::{Change, Error, NodeId, Router};
    ///
    /// let router = Router::whole(NodeId(1));
    /// router.transact_with(|table| {
    ///     let moves = table.led_by(NodeId(1)).map(|shard| Change::transfer(shard.id(), NodeId(2)));
    ///     Ok::<_, Error>(moves.collect::<Vec<_>>())
    /// })?;
    /// assert_eq!(router.resolve("any")?.leader, NodeId(2));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn transact_with<C, E>(&self, mut plan: impl FnMut(&Table) -> Result<C, E>) -> Result<Summary, E>
    where
        C: AsRef<[Change]>,
        E: From<Error>,
    {
        self.publish_next(|current, telling| {
            let planned = plan(current)?;
            let (next, summary) = changed(current, telling, |next| next.carry_out(planned.as_ref()))?;
            Ok((summary.altered().then_some(next), summary))
        })
    }

    /// Publishes a table that was made from `current`, unless another writer has published meanwhile.
    fn publish(&self, current: Arc<Table>, next: Arc<Table>) -> bool {
        if broken("notify_before_publish") {
            self.shared.signal.notify();
        }
        let is_published = self.shared.cell.compare_exchange(&current, next);
        if is_published {
            self.shared.retired.retire(current);
            // After the exchange: who comes to wait from here on finds the new table, and all others are woken.
            if !broken("notify_before_publish") {
                self.shared.signal.notify();
            }
        }
        is_published
    }

    /// Publishes the table that a delta from another process leads to: [`Table::apply_delta`]. Gives the revision that is
    /// published then. A delta over no change publishes nothing.
    ///
    /// A router that follows another one has no writers of its own: what they published would not be in the delta's past,
    /// and the next one would be refused.
    ///
    /// # Errors
    ///
    /// Those of [`Table::apply_delta`]. Nothing is published then, and the cure is a delta from
    /// [`revision`](Self::revision) on, or a whole table.
    ///
    /// ```
    /// use shardway::{Error, NodeId, Router, Table};
    ///
    /// let primary = Router::whole(NodeId(1));
    /// let old = primary.snapshot();
    /// let follower = Router::new(Table::from_image(old.to_image())?);
    /// primary.split(primary.resolve("")?.shard, "m")?;
    /// let delta = old.delta(&primary.snapshot());
    /// assert_eq!(follower.follow(&delta)?, 2);
    /// assert_eq!(*follower.snapshot(), *primary.snapshot());
    /// assert_eq!(follower.follow(&delta), Err(Error::StaleRevision { expected: 1, found: 2 }), "it came twice");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn follow(&self, delta: &Delta) -> Result<u64, Error> {
        self.publish_next(|current, telling| {
            let next = current.apply_delta(delta).inspect_err(|error| telling.refused(current, error))?;
            let revision = next.revision();
            Ok(((revision != current.revision()).then(|| Arc::new(next)), revision))
        })
    }

    /// Publishes what `next` makes of the published table, if it makes anything, and gives what it says beside. It is asked
    /// again with another table when another writer was faster.
    pub(crate) fn publish_next<R, E>(
        &self,
        mut next: impl FnMut(&Arc<Table>, &Telling) -> Result<(Option<Arc<Table>>, R), E>,
    ) -> Result<R, E> {
        let mut telling = Telling::begin();
        loop {
            let current = self.shared.cell.load_full();
            let (made, said) = next(&current, &telling)?;
            let Some(made) = made else { return Ok(said) };
            let (base, revision, shards) = (current.revision(), made.revision(), made.len());
            if self.publish(current, made) {
                telling.published(base, revision, shards);
                return Ok(said);
            }
            telling.retry();
        }
    }

    /// Carries out one change.
    ///
    /// # Errors
    ///
    /// Why it was refused.
    pub fn apply(&self, change: Change) -> Result<Outcome, Error> {
        self.publish_next(|current, telling| {
            let (next, outcome) = changed(current, telling, |next| next.carry_out_one(&change))?;
            Ok(((outcome != Outcome::Unchanged).then_some(next), outcome))
        })
    }

    /// Splits a shard at a key, under fresh ids: [`Change::split`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`], [`Error::SplitKeyOutside`], [`Error::OperationUnderWay`].
    pub fn split(&self, shard: ShardId, at: impl Into<Key>) -> Result<Halves, Error> {
        match self.apply(Change::split(shard, at))? {
            Outcome::Split(halves) => Ok(halves),
            other => Err(unexpected(other)),
        }
    }

    /// Merges two neighbours under a fresh id, which is returned: [`Change::merge`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`], [`Error::NotNeighbours`], [`Error::DifferentLeaders`], [`Error::DifferentReplicas`],
    /// [`Error::DifferentStates`], [`Error::EstimatesOverflow`], [`Error::OperationUnderWay`].
    pub fn merge(&self, one: ShardId, other: ShardId) -> Result<ShardId, Error> {
        match self.apply(Change::merge(one, other))? {
            Outcome::Merged { into, .. } => Ok(into),
            other => Err(unexpected(other)),
        }
    }

    /// Moves the leader of a shard: [`Change::transfer`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`], [`Error::AlreadyLeader`], [`Error::OperationUnderWay`].
    pub fn transfer(&self, shard: ShardId, to: NodeId) -> Result<(), Error> {
        self.apply(Change::transfer(shard, to)).map(drop)
    }

    /// Adds a shard: [`Change::register`].
    ///
    /// # Errors
    ///
    /// [`Error::ShardExists`], [`Error::Overlap`], [`Error::ReusedId`], [`Error::NeedsOperation`],
    /// [`Error::DuplicateReplica`], [`Error::LeaderAsReplica`].
    pub fn register(&self, record: ShardRecord) -> Result<(), Error> {
        self.apply(Change::register(record)).map(drop)
    }

    /// Replaces the record of a shard, if nobody has changed it since it was read: [`Change::update`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`], [`Error::StaleVersion`], [`Error::StaleEpoch`], [`Error::RangeChanged`],
    /// [`Error::NeedsOperation`], [`Error::OperationUnderWay`], [`Error::DuplicateReplica`], [`Error::LeaderAsReplica`].
    pub fn update(&self, record: ShardRecord) -> Result<(), Error> {
        self.apply(Change::update(record)).map(drop)
    }

    /// Removes a shard and leaves a gap: [`Change::remove`].
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`], [`Error::OperationUnderWay`].
    pub fn remove(&self, shard: ShardId) -> Result<(), Error> {
        self.apply(Change::remove(shard)).map(drop)
    }
}

/// What waits to be freed.
impl Router {
    /// How many replaced tables are still in memory, about how many bytes they keep, and for what they wait. Takes the
    /// lock that writers use among themselves to free tables; for gauges, not for the hot path. O(tables that wait).
    #[must_use]
    pub fn retained(&self) -> Retained {
        let retained = self.shared.retired.retained(&self.shared.cell.load_full());
        telemetry::retained(&retained);
        retained
    }

    /// Frees every replaced table that nobody holds, and says how many those were. Every publish frees a few, so this is
    /// for routers that have come to rest. O(tables that wait).
    pub fn reclaim(&self) -> usize {
        self.shared.retired.sweep(usize::MAX)
    }
}

/// A copy of the published table, as `change` makes it. It is changed where it stays: a table is many counts and numbers.
fn changed<R>(
    current: &Arc<Table>,
    telling: &Telling,
    change: impl FnOnce(&mut Table) -> Result<R, Error>,
) -> Result<(Arc<Table>, R), Error> {
    let mut next = Arc::clone(current);
    let done = change(Arc::make_mut(&mut next)).inspect_err(|error| telling.refused(current, error))?;
    Ok((next, done))
}

fn unexpected(outcome: Outcome) -> Error {
    Error::Broken { what: format!("a change came out as {outcome:?}") }
}

impl From<Table> for Router {
    fn from(table: Table) -> Self {
        Self::new(table)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("table", &**self.shared.cell.load()).finish_non_exhaustive()
    }
}
