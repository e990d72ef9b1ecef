//! Following the published table from another thread or task. How a follower is woken is in `sync`; what is here is what it
//! sees then: the table that it saw last, and the newest one.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Shared, Snapshot};
use crate::sync::{Seat, block_on, broken};
use crate::table::Difference;

/// Follows the table of a [`Router`](super::Router): waits until another one than it saw last is published, and gives both.
/// Made by [`Router::watch`](super::Router::watch) and [`Router::watch_from`](super::Router::watch_from).
///
/// There is one protocol and three ways to wait: [`wait`](Self::wait) blocks the thread, [`next`](Self::next) is for `async`
/// code on any runtime, and with the feature `stream` a watch is a `futures_core::Stream`. They may be mixed.
///
/// - **Coalesced.** Each [`Step`] leads from the table that the last one led to (at first, from
///   [`snapshot`](Self::snapshot)) to the newest. Who comes late makes one step over all that was published meanwhile, so
///   there is no queue, and a follower that sleeps keeps one old table, however many are published:
///   [`Router::retained`](super::Router::retained) shows it. The differences of all steps, one after the other, lead from the
///   first table to the last one exactly.
/// - **Nothing is lost.** A publish wakes every follower that waits, and one that comes to wait finds the new table at once.
///   Of several writers at work one wakes for all, and who waits with others is woken in turn. A wait that was given up (a
///   timeout, a future that is dropped) loses nothing.
/// - **Closing.** When the last handle of the router is dropped, nothing more can be published. Every follower gets the step
///   to the last table, if it has not seen that one, and `None` from then on. Readers and snapshots do not keep it open.
///
/// A publish costs its writer one exchange, and a wake for each follower that waits: a follower that is at work costs
/// nothing, and readers pay nothing. Writers never wait for followers.
///
/// ```
/// use shardway::{Difference, NodeId, Router};
///
/// let router = Router::whole(NodeId(1));
/// let first = router.resolve("")?.shard;
/// let mut watch = router.watch();
/// let follower = std::thread::spawn(move || {
///     let mut shards = watch.snapshot().len();
///     while let Some(step) = watch.wait() {
///         for difference in step.diff() {
///             match difference {
///                 Difference::New(_) => shards += 1,
///                 Difference::Gone(_) => shards -= 1,
///                 Difference::Changed(..) => {}
///             }
///         }
///     }
///     shards
/// });
/// let halves = router.split(first, "m")?;
/// router.split(halves.upper, "t")?;
/// drop(router);
/// assert_eq!(follower.join().unwrap(), 3);
/// # Ok::<(), shardway::Error>(())
/// ```
pub struct Watch {
    shared: Arc<Shared>,
    seat: Arc<Seat>,
    seen: Snapshot,
}

/// What a [`Watch`] gives: the table that it gave last, and the newest. Both are held for as long as the step is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The table that the follower saw before.
    pub older: Snapshot,
    /// The table that was the published one when the step was made.
    pub newer: Snapshot,
}

impl Step {
    /// Which shards differ, in key order, in time proportional to what changed: [`Table::diff`](crate::Table::diff). Empty if
    /// the transactions in between altered no shard, but a node or the progress of an operation, or undid each other.
    pub fn diff(&self) -> impl Iterator<Item = Difference<'_, '_>> {
        self.older.diff(&self.newer)
    }
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, seen: Snapshot) -> Self {
        let seat = shared.signal.enter();
        Self { shared, seat, seen }
    }

    /// The table that was given last, from which the next step leads. At first that is the one that the watch started with.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.seen
    }

    /// The step to the newest table if there is a newer one; never waits. O(1).
    ///
    /// `None` says that there is nothing new *yet*, or that there never will be: see [`is_closed`](Self::is_closed).
    ///
    /// ```
    /// use shardway::{NodeId, Router, ShardId};
    ///
    /// let router = Router::whole(NodeId(1));
    /// let mut watch = router.watch();
    /// assert!(watch.try_next().is_none());
    ///
    /// router.transfer(ShardId(1), NodeId(2))?;
    /// router.transfer(ShardId(1), NodeId(3))?;
    /// let step = watch.try_next().unwrap();
    /// assert_eq!((step.older.revision(), step.newer.revision()), (1, 3));
    /// assert_eq!(step.diff().count(), 1);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn try_next(&mut self) -> Option<Step> {
        if self.is_current() {
            return None;
        }
        let newer = Snapshot::new(self.shared.cell.load_full());
        Some(Step { older: mem::replace(&mut self.seen, newer.clone()), newer })
    }

    /// Blocks this thread until there is a newer table, and gives the step to it; `None` if there never will be one, because
    /// every handle of the router is gone. Allocates a few words if it has to wait.
    ///
    /// A thread that itself has a handle of the router waits for others to publish, and never sees it closed. The thread is
    /// parked ([`std::thread::park`]), which uses up the token of anybody else's `unpark`.
    pub fn wait(&mut self) -> Option<Step> {
        block_on(self.next(), None).flatten()
    }

    /// [`wait`](Self::wait), for no longer than `timeout`: `None` also if there was nothing new by then.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Step> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_deadline(deadline),
            // Longer than the clock runs.
            None => self.wait(),
        }
    }

    /// [`wait`](Self::wait), until `deadline` at the latest: `None` also if there was nothing new by then.
    pub fn wait_deadline(&mut self, deadline: Instant) -> Option<Step> {
        block_on(self.next(), Some(deadline)).flatten()
    }

    /// The next step, as soon as there is one; `None` if there never will be one, because every handle of the router is gone.
    /// Needs no runtime. Allocates a few words if it has to wait.
    ///
    /// The future may be dropped at any time (in a `select!`, by a timeout): a step counts as given when the future is ready,
    /// and what it has not given the next one does.
    ///
    /// ```
    /// use shardway::{Router, Watch};
    ///
    /// async fn follow(mut watch: Watch) {
    ///     while let Some(step) = watch.next().await {
    ///         println!("revision {}: {} differences", step.newer.revision(), step.diff().count());
    ///     }
    /// }
    /// ```
    #[must_use = "a future does nothing unless it is polled"]
    #[expect(clippy::should_implement_trait, reason = "the name that streams have for it")]
    pub fn next(&mut self) -> impl Future<Output = Option<Step>> + Send + '_ {
        Next(self)
    }

    /// Whether nothing more will come: every handle of the router is gone, and the last table was given.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // In this order: what is published when it is found closed is the last table.
        self.shared.signal.is_closed() && self.is_current()
    }

    fn is_current(&self) -> bool {
        self.seen.is(&self.shared.cell.load())
    }

    /// What there is to give now: a step, `None` at the end, or nothing yet.
    fn look(&mut self) -> Poll<Option<Step>> {
        // Closed is asked before the table is looked at, or the last one could be published in between, and missed.
        let mut closed = self.shared.signal.is_closed();
        let step = self.try_next();
        if broken("closed_after_look") {
            closed = self.shared.signal.is_closed();
        }
        if step.is_some() || closed { Poll::Ready(step) } else { Poll::Pending }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Step>> {
        if let Poll::Ready(step) = self.look() {
            return Poll::Ready(step);
        }
        self.shared.signal.listen(&self.seat, context.waker());
        // What was published before we were listening has woken nobody: `listen` sees to it that we find it now.
        let found = if broken("listen_after_check") { Poll::Pending } else { self.look() };
        if found.is_ready() {
            self.seat.forget();
        }
        found
    }
}

/// A watch that is waited for. Given up, it leaves no waker behind.
struct Next<'a>(&'a mut Watch);

impl Future for Next<'_> {
    type Output = Option<Step>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Step>> {
        self.0.poll(context)
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        self.0.seat.forget();
    }
}

/// Another follower, that has seen what this one has.
impl Clone for Watch {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared), self.seen.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.signal.exit(Arc::clone(&self.seat));
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("seen", &self.seen.revision()).finish_non_exhaustive()
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for Watch {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Step>> {
        self.poll(context)
    }
}
