//! One immutable state of everything: which shard owns what, who holds it, what is under way. Plain deterministic code,
//! without threads, clocks or I/O: the same changes on the same table give the same table on every machine.
//!
//! This file holds the table itself and its point look-ups. The rooms behind it: [`index`] finds entries by key,
//! [`ids`] by id, [`nodes`] knows nodes, [`scan`] walks ranges and gaps, [`ranges`] and [`strict`] several ranges at once,
//! [`totals`] sums them up; [`grouping`] groups keys, [`digest`] stands for all of it; [`draft`] carries changes out, with
//! [`foresight`] of the next, and with one file for each family ([`registry`], [`split`], [`merge`], [`transfer`], [`relocation`],
//! [`operations`]); [`prefetch`] asks for memory; [`bulk`] builds a table at once; [`image`] is the table as data, [`delta`] what leads
//! from one version to a later one, [`moves`] what that means for keys; [`learning`] fills a client's table from answers; [`verify`]
//! checks every invariant.

mod admission;
mod bits;
mod bulk;
mod choice;
mod delta;
mod diff;
mod digest;
mod draft;
mod fate;
mod foresight;
mod grouping;
mod ids;
mod image;
mod index;
mod learning;
mod lineage;
mod merge;
mod moves;
mod nodes;
mod operations;
mod prefetch;
#[cfg(test)]
mod random;
mod ranges;
mod registry;
mod relocation;
mod scan;
mod split;
mod strict;
mod totals;
mod transfer;
mod verify;

use std::collections::BTreeSet;
use std::fmt;

use crate::change::{Change, Operation, Outcome, Summary};
use crate::error::Error;
use crate::key::KeyRange;
use crate::shard::{Access, Epoch, NodeId, Refusal, Route, Shard, ShardId, ShardRecord};
use digest::Sum;
use draft::Draft;
use ids::Ids;
pub(crate) use index::Finger;
use index::{Index, Role};
use lineage::Lineage;
use nodes::Nodes;
use operations::Operations;

pub use admission::Denial;
pub use choice::Preference;
pub use delta::Delta;
pub use diff::Difference;
pub use fate::Fate;
pub use grouping::{Group, Grouping, Leader};
pub use image::TableImage;
pub use learning::Learned;
pub use lineage::{Memory, Passing};
pub use moves::{Move, Why};
pub use nodes::Loss;
pub use ranges::{Direction, Scan};
pub use scan::{Gaps, Shards};
pub use strict::StrictScan;
pub use totals::{Measure, Totals};

/// One immutable state of the routing table. Cloning is O(1), and versions share what they have in common.
///
/// A table that covers the keyspace ([`Table::whole`]) keeps doing so: no change but [`Change::remove`] makes a gap. A
/// table with gaps ([`Table::empty`], [`Table::from_records`]) is filled by [`Change::register`]. Either kind changes by
/// [`Table::apply`] only, which leaves the table as it is and gives a new one: to publish tables to other threads is the
/// business of a [`Router`](crate::Router).
///
/// Costs are given in `n`, the number of shards.
///
/// ```
/// use shardway::{Change, NodeId, Table};
///
/// let table = Table::whole(NodeId(1));
/// let first = table.resolve("")?.shard;
/// let (halved, summary) = table.apply(&[Change::split(first, "m")])?;
/// assert_eq!((table.len(), halved.len()), (1, 2));
/// assert_ne!(halved.resolve("a")?.shard, halved.resolve("z")?.shard);
/// assert_eq!(summary.revision, table.revision() + 1);
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone)]
pub struct Table {
    index: Index,
    ids: Ids,
    operations: Operations,
    nodes: Nodes,
    lineage: Lineage,
    revision: u64,
    /// The least id that was never given or registered.
    next_id: u64,
    floor: Floor,
    /// What the records of all shards add up to: see [`digest`].
    records: Sum,
    /// About how many bytes all changes together have replaced: what one version holds that a later one does not is the
    /// difference of the two. Not a part of the table's value.
    replaced_bytes: u64,
}

/// The greatest counters of all shards that are gone. A shard under an id that may have been used before starts above them,
/// so that no counter of a name goes back, at the price of two numbers instead of a list of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Floor {
    /// The greatest counters of their epochs.
    pub epoch: Epoch,
    /// The greatest version of their records.
    pub version: u64,
}

impl Floor {
    fn raise(&mut self, gone: &ShardRecord) {
        self.epoch = self.epoch.join(gone.epoch);
        self.version = self.version.max(gone.version);
    }
}

impl Default for Floor {
    /// No shard is gone.
    fn default() -> Self {
        Self { epoch: Epoch { range: 0, members: 0 }, version: 0 }
    }
}

/// Where revisions of a new table start.
const FIRST_REVISION: u64 = 1;

/// Making tables, and new ones from old.
impl Table {
    /// No shard at all: the whole keyspace is one gap. O(1).
    #[must_use]
    pub fn empty() -> Self {
        Self {
            index: Index::default(),
            ids: Ids::default(),
            operations: Operations::default(),
            nodes: Nodes::default(),
            lineage: Lineage::default(),
            revision: FIRST_REVISION,
            next_id: 1,
            floor: Floor::default(),
            records: Sum::default(),
            replaced_bytes: 0,
        }
    }

    /// One shard that owns every key, led by `leader`. O(1).
    #[must_use]
    pub fn whole(leader: NodeId) -> Self {
        let mut table = Self::empty();
        let record = ShardRecord::new(ShardId(table.next_id), KeyRange::full(), leader);
        table.next_id += 1;
        table.records.add(&record);
        table.ids.insert(record.id, record.range.start());
        table.index = Index::from_sorted(&[record]);
        table
    }

    /// A table of these shards, in any order. O(n log n), or O(n) after sorting by key and id.
    ///
    /// # Errors
    ///
    /// [`Error::Overlap`], [`Error::ShardExists`], [`Error::DuplicateReplica`], [`Error::LeaderAsReplica`], and
    /// [`Error::NeedsOperation`] for a shard in a state that only an operation brings about: tables with operations under
    /// way are loaded by [`Table::from_image`].
    ///
    /// ```
    /// use shardway::{KeyRange, NodeId, ShardId, ShardRecord, Table};
    ///
    /// let table = Table::from_records([
    ///     ShardRecord::new(ShardId(1), KeyRange::try_from("a".."m")?, NodeId(1)),
    ///     ShardRecord::new(ShardId(2), KeyRange::from("m"..), NodeId(2)),
    /// ])?;
    /// assert_eq!(table.resolve("x")?.leader, NodeId(2));
    /// assert_eq!(table.gaps().collect::<Vec<_>>(), [KeyRange::try_from("".."a")?]);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn from_records(records: impl IntoIterator<Item = ShardRecord>) -> Result<Self, Error> {
        bulk::build(records.into_iter().collect(), Operations::default())
    }

    /// Carries out all changes in their order, or none: gives the new table, and what each change did. Pure: the table
    /// itself stays as it is, so a dry run is the same call. The revision grows by one, unless nothing was altered.
    ///
    /// O(log n) for each change, plus its replicas.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`], with the place of the first change that was refused, and why; [`Error::Exhausted`] at the
    /// last revision.
    pub fn apply(&self, changes: &[Change]) -> Result<(Self, Summary), Error> {
        let mut next = self.clone();
        let summary = next.carry_out(changes)?;
        Ok((next, summary))
    }

    /// [`apply`](Self::apply), on the next table in its place, which is this one so far. If it is refused, the table is of no account.
    pub(crate) fn carry_out(&mut self, changes: &[Change]) -> Result<Summary, Error> {
        let mut draft = Draft::of(self);
        let mut outcomes = Vec::with_capacity(changes.len());
        for together in changes.chunks(foresight::TOGETHER) {
            draft.foresee(together);
            for change in together {
                let index = outcomes.len();
                let outcome = draft
                    .carry_out(change)
                    .map_err(|cause| Error::Transaction { index, cause: Box::new(cause) })?;
                outcomes.push(outcome);
            }
        }
        draft.finish(outcomes)
    }

    /// [`carry_out`](Self::carry_out), of one change, which is refused by itself.
    pub(crate) fn carry_out_one(&mut self, change: &Change) -> Result<Outcome, Error> {
        let mut draft = Draft::of(self);
        draft.foresee(std::slice::from_ref(change));
        let outcome = draft.carry_out(change)?;
        draft.count_on(outcome != Outcome::Unchanged)?;
        Ok(outcome)
    }
}

/// Looking things up.
impl Table {
    /// The number of this state: one more than that of the state it was made from.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many shards there are. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no shard at all. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The route of the shard that owns `key`. O(log n); no lock, no allocation.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap.
    #[inline]
    pub fn resolve(&self, key: impl AsRef<[u8]>) -> Result<Route, Refusal> {
        self.index.route(key.as_ref()).copied().ok_or(Refusal::NoOwner)
    }

    /// [`resolve`](Self::resolve), for a thread that may ask for keys near each other.
    // Compiled into the caller's: see `Reader::resolve`.
    #[inline(always)]
    pub(crate) fn resolve_near(&self, key: impl AsRef<[u8]>, finger: &mut Finger) -> Result<Route, Refusal> {
        self.index.route_near(key.as_ref(), finger).copied().ok_or(Refusal::NoOwner)
    }

    /// The route of the shard that owns `key`, if it serves `access` in its present state. O(log n); no lock, no
    /// allocation.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if the key lies in a gap; [`Refusal::NotServing`], with the route, if the state of the shard
    /// does not allow the access; [`Refusal::LeaderDown`], with the route, if it does, but the leader is marked as down, and
    /// the access is not one that others serve.
    #[inline]
    pub fn resolve_for(&self, key: impl AsRef<[u8]>, access: Access) -> Result<Route, Refusal> {
        self.if_serving(self.resolve(key)?, access)
    }

    #[inline]
    pub(crate) fn if_serving(&self, route: Route, access: Access) -> Result<Route, Refusal> {
        if !route.state.serves(access) {
            Err(Refusal::NotServing { route, access })
        } else if self.nodes.is_down(route.leader) && !access.is_for_followers() {
            Err(Refusal::LeaderDown { route })
        } else {
            Ok(route)
        }
    }

    /// The routes of the shards that own these keys, in the order of the keys: what [`resolve`](Self::resolve) says of each.
    /// `answers` is emptied and filled; nothing is allocated if it has room for as many.
    ///
    /// ```
    /// use shardway::{NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let mut answers = Vec::new();
    /// table.resolve_many(&["user/4711", "user/5000"], &mut answers);
    /// assert_eq!(answers, [table.resolve("user/4711"), table.resolve("user/5000")]);
    /// ```
    pub fn resolve_many<K: AsRef<[u8]>>(&self, keys: &[K], answers: &mut Vec<Result<Route, Refusal>>) {
        self.resolve_many_near(keys, answers, &mut Finger::default());
    }

    /// [`resolve_many`](Self::resolve_many), for a thread that may have asked for keys near these.
    #[inline]
    pub(crate) fn resolve_many_near<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        answers: &mut Vec<Result<Route, Refusal>>,
        finger: &mut Finger,
    ) {
        answers.clear();
        answers.reserve(keys.len());
        self.index.routes_near(keys, finger, |route| match route {
            Some(route) => answers.push(Ok(*route)),
            None => answers.push(Err(Refusal::NoOwner)),
        });
    }

    /// All that is known of the shard that owns `key`. O(log n).
    #[must_use]
    #[inline]
    pub fn owner(&self, key: impl AsRef<[u8]>) -> Option<Shard<'_>> {
        let key = key.as_ref();
        self.index.floor(key).filter(|shard| shard.end().is_above(key))
    }

    /// The shard of this id. O(log n).
    #[must_use]
    pub fn shard(&self, id: ShardId) -> Option<Shard<'_>> {
        self.index.get(self.ids.get(id)?)
    }

    /// The nearest shard before this one in key order, with or without a gap between them. O(log n).
    #[must_use]
    pub fn previous(&self, id: ShardId) -> Option<Shard<'_>> {
        self.index.before(self.ids.get(id)?)
    }

    /// The nearest shard after this one in key order, with or without a gap between them. O(log n).
    #[must_use]
    pub fn next(&self, id: ShardId) -> Option<Shard<'_>> {
        self.index.after(self.ids.get(id)?)
    }

    /// Every node that holds a shard, in ascending order. O(n).
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let mut nodes = BTreeSet::new();
        for shard in self.shards() {
            nodes.insert(shard.leader());
            nodes.extend(shard.replicas());
        }
        nodes.into_iter()
    }

    /// Every shard that `node` leads, in key order.
    ///
    /// Each part of the table knows which nodes may lead a shard in it, and parts without the node are skipped: O(log n) for
    /// each run of neighbours that it leads, and never more than O(n). A table keeps no list for each node, since every
    /// publish would have to change several.
    pub fn led_by(&self, node: NodeId) -> impl Iterator<Item = Shard<'_>> {
        self.index.held_by(node, Role::Leads)
    }

    /// Every shard that `node` holds a copy of, as leader or replica, in key order. Costs what [`led_by`](Self::led_by) does.
    pub fn on_node(&self, node: NodeId) -> impl Iterator<Item = Shard<'_>> {
        self.index.held_by(node, Role::Holds)
    }

    /// The operation that is under way on a shard, if there is one. O(log operations).
    #[must_use]
    pub fn operation(&self, shard: ShardId) -> Option<&Operation> {
        self.operations.on(shard)
    }

    /// Every operation under way, each once, by the id of its shard; of a merge, of the lower one.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// Frees what no other version has, but keeps a little of it for the next changes that this thread makes. What is left is of no
    /// account.
    pub(crate) fn take_apart(&mut self) {
        self.index.take_apart();
    }

    /// About how many bytes this version alone keeps in memory beside a `newer` one: what was replaced between them, or
    /// all of this one if that is less.
    pub(crate) fn bytes_apart_from(&self, newer: &Self) -> u64 {
        let whole = self.len() * (self.index.shard_bytes() + self.ids.entry_bytes());
        newer.replaced_bytes.saturating_sub(self.replaced_bytes).min(whole as u64)
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::empty()
    }
}

/// Equal tables give the same answer to every question and the same result to every change.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        (self.revision, self.next_id, self.floor) == (other.revision, other.next_id, other.floor)
            && self.operations == other.operations
            && self.nodes == other.nodes
            && self.lineage == other.lineage
            && self.shards().eq(other.shards())
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("revision", &self.revision)
            .field("shards", &self.len())
            .finish_non_exhaustive()
    }
}

/// One line a shard, in key order.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "revision {}, {} shards", self.revision, self.len())?;
        self.shards().try_for_each(|shard| writeln!(f, "{shard}"))
    }
}
