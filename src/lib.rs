//! Which shard owns this key, and may I serve it? `shardway` answers on every request of a storage node, a proxy or a client,
//! without a lock, from an immutable snapshot, while shards split, merge and move underneath.
//!
//! ```
//! use shardway::{Change, NodeId, Router};
//!
//! let router = Router::whole(NodeId(1)); // one shard owns every key
//! let first = router.resolve("")?.shard;
//! let halves = router.split(first, "user/5000")?; // publishes one new table
//!
//! let mut reader = router.reader(); // one in each thread: the hot path
//! let route = reader.resolve("user/4711")?; // Copy: shard, epoch, leader, state
//! assert_eq!((route.shard, route.leader), (halves.lower, NodeId(1)));
//!
//! let snapshot = router.snapshot(); // one revision, any number of questions
//! for shard in snapshot.range("user/".."user0") {
//!     println!("{shard}");
//! }
//!
//! router.transact([
//!     Change::split(halves.upper, "user/7000"),
//!     Change::transfer(halves.lower, NodeId(2)),
//! ])?; // all or nothing, one publish
//! # Ok::<(), shardway::Error>(())
//! ```
//!
//! # The parts
//!
//! - [`Key`], [`KeyRange`]: bytes in bytewise order, and half-open ranges of them; what a shard owns.
//! - [`Route`]: the small answer to a look-up. [`Shard`], [`ShardRecord`]: all that is known of a shard, as a view into a
//!   table and as data. [`Epoch`]: which of two descriptions of a shard is newer. [`ShardState`]: what it serves.
//! - [`Change`]: one step as data, with preconditions. [`Operation`]: a split, merge or transfer in two phases that is
//!   under way, or a relocation, whose [`Phase`] says whom to read from and write to, so that a move is no outage.
//! - [`Table`]: one immutable state of everything; [`Table::apply`] makes the next one, purely and deterministically, so it
//!   can sit inside a replicated log.
//! - [`Token`]: what a request carries; [`Denial`]: why it is not served here, and the cure; [`Fate`]: what became of an old one.
//! - [`Delta`]: what leads from one version to a later one, for another process to apply; [`Move`]: what it means for keys.
//! - [`RouteCache`]: for clients, a table with gaps that is filled from answers and loads each missing part once.
//! - [`Node`]: where a node is and whether it serves; [`Preference`]: which copy to read from.
//! - [`Router`]: one published table. [`Reader`], [`Snapshot`]: the ways to read it. [`Watch`]: to be told of new ones.
//! - [`Load`], [`Tracker`], [`CoarseTracker`]: how busy each shard is, counted beside the hot path; [`Rates`]: the same over
//!   time; [`Advisor`]: what to split, merge and move for it.
//! - [`Error`], [`Refusal`]: what was expected, and what was found.
//!
//! # Consistency
//!
//! - Every answer comes from one table. A transaction is seen whole or not at all.
//! - The revisions that one [`Reader`] sees never go back, and when a call that published has returned, every look-up that
//!   starts afterwards, on any thread and by any way in, sees that table or a newer one.
//! - A change is validated against the table that it is published on. Of two changes that exclude each other, one is
//!   refused; both are never lost.
//! - A change that is refused leaves everything as it was. One that alters nothing publishes nothing.
//! - All indexes (by key, by id, by node) are in the same table, so they can't disagree; [`Table::verify`] checks it.
//!
//! # Progress
//!
//! - A [`Reader`] whose table is still the published one is wait-free: one load and the look-up. While another one is being
//!   published it borrows the table anew for each look-up, and to catch up it counts one reference; `arc-swap`, which does
//!   both, is wait-free for readers but for the first few words that a thread allocates when it reads for the first time.
//! - Writers are lock-free: a transaction is validated again only because another one succeeded.
//! - Replaced tables are freed by writers, a few at each publish, once nobody holds them. A reader that sleeps keeps the one
//!   table that it saw last, however many are published meanwhile. [`Router::retained`] reads out what waits.
//! - A [`Watch`] never keeps a writer waiting: who publishes wakes those that wait, and takes no lock that they could hold.
//!
//! # Costs
//!
//! A look-up is O(log n) in the number of shards and allocates nothing. A change is O(log n), plus the replicas it touches.
//! A clone of a table is O(1), a difference of two in proportion to what changed, a scan O(1) a shard.
//!
//! # When not to use it
//!
//! It does not move data, agree on anything between machines, or know who is alive: a cluster's shared truth belongs in a
//! consensus engine, and this library keeps each process's view of it current. A table that changes as often as it is read
//! gains little from readers that cost nothing.
//!
//! # Features
//!
//! - `serde`: changes, records, operations and whole tables serialise. What is loaded is validated like what is built.
//! - `stream`: a [`Watch`] is a `futures_core::Stream`.
//! - `tracing`: each call that publishes is a span `publish` (debug) with its revisions, the number of shards and of retries, and each
//!   refusal an event (info) with its kind and its reason.
//! - `metrics`: publishes, retries, refusals by kind, how long it took, what is retained; `describe_metrics` has the list. Beside waits
//!   with a timeout, this alone reads a clock.

mod cache;
mod change;
mod counter;
mod error;
mod key;
mod load;
mod node;
mod router;
mod shard;
mod sight;
mod sync;
mod table;

pub use cache::{LoadError, Missing, RouteCache};
pub use change::{
    Action, Change, Expectation, Halves, Naming, Operation, OperationKind, Outcome, Phase, Progress, Summary,
};
pub use error::Error;
pub use key::{AsKeyRange, Key, KeyEnd, KeyRange};
pub use load::{
    Advice, Advisor, CoarseTracker, Count, Counted, Load, Rate, Rates, Sampling, Thresholds, Tracker,
};
pub use node::{Node, NodeStatus};
#[cfg(feature = "metrics")]
pub use router::describe_metrics;
pub use router::{Reader, Retained, Router, Snapshot, Step, Watch};
pub use shard::{
    Access, Epoch, Estimates, NodeId, Policy, Refusal, Route, Shard, ShardId, ShardRecord, ShardState,
    Timestamp, Token,
};
pub use sight::{Listing, Picture};
pub use table::{
    Delta, Denial, Difference, Direction, Fate, Floor, Gaps, Group, Grouping, Leader, Learned, Loss, Measure,
    Memory, Move, Passing, Preference, Scan, Shards, StrictScan, Table, TableImage, Totals, Why,
};

/// The README's examples compile and pass.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
