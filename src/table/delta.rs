//! What leads from one version of a table to a later one, as data that another process applies to its own copy: computed from
//! both versions, in proportion to what differs, and applied with every check that an image gets, to what it touches.

use super::draft::Draft;
use super::{Difference, Floor, Memory, Passing, Table};
use crate::change::Operation;
use crate::error::Error;
use crate::node::Node;
use crate::shard::{NodeId, ShardId, ShardRecord};

/// What leads from one version of a table to a later one: made by [`Table::delta`], applied by [`Table::apply_delta`] or
/// [`Router::follow`](crate::Router::follow). Plain data, in proportion to what differs, with the feature `serde` as small as
/// its format: each shard that differs is there once, as it has become.
///
/// It says exactly which table it is for, by revision and [digest](Table::digest), and which one comes of it. So deltas that are
/// lost, repeated or out of order are told from the one that is due, and never applied.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Delta {
    /// The revision of the table that it is for.
    pub from: u64,
    /// The revision of the table that comes of it.
    pub to: u64,
    /// The digest of the table that it is for.
    pub from_digest: u64,
    /// The digest of the table that comes of it.
    pub to_digest: u64,
    /// The least id that no shard has had by then.
    pub next_id: u64,
    /// The greatest counters of all shards that are gone by then.
    pub floor: Floor,
    /// The shards that are gone.
    pub gone: Vec<ShardId>,
    /// The shards that are there anew, or differ: in key order.
    pub shards: Vec<ShardRecord>,
    /// The operations that have ended, or differ, by their shard; of a merge, the lower one.
    pub ended: Vec<ShardId>,
    /// The operations that have begun, or differ.
    pub begun: Vec<Operation>,
    /// The nodes that are known no more.
    pub forgotten: Vec<NodeId>,
    /// The nodes that are known anew, or differ.
    pub nodes: Vec<Node>,
    /// How much the table remembers of shards that are gone.
    pub memory: Memory,
    /// How many of the passings that it remembered it remembers still: the newest of them.
    pub kept: u64,
    /// The passings since: the oldest first.
    pub passings: Vec<Passing>,
}

/// Deltas.
impl Table {
    /// What leads from this table to a `newer` version of it, over any number of changes in between.
    ///
    /// O(changes · log n) between versions that have a past in common; if nodes have changed, O(nodes) besides. For any two
    /// tables it says what differs, but [`apply_delta`](Self::apply_delta) refuses to go back: to a lesser revision or supply of
    /// ids.
    ///
    /// ```
    /// use shardway::{Change, Error, NodeId, Table};
    ///
    /// let primary = Table::whole(NodeId(1));
    /// let follower = Table::from_image(primary.to_image())?; // in another process
    /// let (split, _) = primary.apply(&[Change::split(primary.resolve("")?.shard, "m")])?;
    /// let (moved, _) = split.apply(&[Change::transfer(split.resolve("z")?.shard, NodeId(2))])?;
    ///
    /// let deltas = [primary.delta(&split), split.delta(&moved)];
    /// let lost = Error::StaleRevision { expected: 2, found: 1 };
    /// assert_eq!(follower.apply_delta(&deltas[1]).unwrap_err(), lost);
    /// assert_eq!(follower.apply_delta(&deltas[0])?.apply_delta(&deltas[1])?, moved);
    /// assert_eq!(follower.apply_delta(&primary.delta(&moved))?, moved, "both at once");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn delta(&self, newer: &Self) -> Delta {
        let (gone, shards) = self.shards_that_differ(newer);
        let (ended, begun) = self.operations.diff(&newer.operations);
        let (forgotten, nodes) = self.nodes.diff(&newer.nodes);
        let (kept, passings) = self.lineage.diff(&newer.lineage, self.revision);
        Delta {
            from: self.revision,
            to: newer.revision,
            from_digest: self.digest(),
            to_digest: newer.digest(),
            next_id: newer.next_id,
            floor: newer.floor,
            gone,
            shards,
            ended: ended.into_iter().map(Operation::shard).collect(),
            begun: begun.into_iter().cloned().collect(),
            forgotten,
            nodes: nodes.into_iter().cloned().collect(),
            memory: newer.memory(),
            kept: kept as u64,
            passings,
        }
    }

    fn shards_that_differ(&self, newer: &Self) -> (Vec<ShardId>, Vec<ShardRecord>) {
        let (mut gone, mut shards) = (Vec::new(), Vec::new());
        for difference in self.diff(newer) {
            let (old, new) = match difference {
                Difference::Gone(old) => (Some(old), None),
                Difference::New(new) => (None, Some(new)),
                Difference::Changed(old, new) => (Some(old), Some(new)),
            };
            gone.extend(old.map(|old| old.id()).filter(|id| newer.shard(*id).is_none()));
            shards.extend(new.map(|new| new.to_record()));
        }
        (gone, shards)
    }

    /// The table that a delta leads to from this one: equal to the one that it was made for, in all that
    /// [`Table::to_image`] holds. Pure, as [`apply`](Self::apply).
    ///
    /// Trusts nothing: a delta from bytes that anybody may have written is refused, or gives a table that passes
    /// [`verify`](Self::verify). O(changes · (log n + memory / 32)); if nodes have changed, O(nodes) besides.
    ///
    /// # Errors
    ///
    /// - [`Error::StaleRevision`] if the delta is for another revision: one was lost, or this one came twice or too early.
    /// - [`Error::OtherTable`] if it is for another table of the same revision, which has another history; or if it was damaged,
    ///   so that it leads to another table than it says.
    /// - [`Error::Broken`], or what building such a table would be refused with, if the delta contradicts itself or the table.
    pub fn apply_delta(&self, delta: &Delta) -> Result<Self, Error> {
        self.expect_to_be_meant(delta)?;
        if (delta.to, delta.to_digest) == (delta.from, delta.from_digest) {
            return Ok(self.clone());
        }
        delta.expect_progress(self)?;
        let mut table = self.clone();
        let mut draft = Draft::of(&mut table);
        draft.end_operations(&delta.ended)?;
        draft.take_shards_of(delta)?;
        draft.begin_operations(&delta.begun)?;
        table.nodes.exchange(&delta.forgotten, &delta.nodes)?;
        table.take_passings_of(delta)?;
        (table.revision, table.next_id, table.floor) = (delta.to, delta.next_id, delta.floor);
        self.verify_what_differs(&table, delta)?;
        match table.digest() {
            found if found == delta.to_digest => Ok(table),
            found => Err(Error::OtherTable { revision: delta.to, expected: delta.to_digest, found }),
        }
    }

    fn expect_to_be_meant(&self, delta: &Delta) -> Result<(), Error> {
        let Self { revision, .. } = *self;
        if revision != delta.from {
            return Err(Error::StaleRevision { expected: delta.from, found: revision });
        }
        match self.digest() {
            found if found == delta.from_digest => Ok(()),
            found => Err(Error::OtherTable { revision, expected: delta.from_digest, found }),
        }
    }

    fn take_passings_of(&mut self, delta: &Delta) -> Result<(), Error> {
        let kept = usize::try_from(delta.kept).ok().filter(|kept| *kept <= self.lineage.len());
        let kept = kept.ok_or_else(|| broken("a delta keeps more passings than there are"))?;
        self.lineage.exchange(delta.memory, kept, &delta.passings);
        let newest = delta.passings.len() + 1;
        let is_sorted =
            self.lineage.newest().take(newest).is_sorted_by(|newer, older| newer.revision >= older.revision);
        if is_sorted { Ok(()) } else { Err(broken("a delta has passings out of order")) }
    }

    /// Every invariant of the table that came of this one, where it could have been broken.
    fn verify_what_differs(&self, table: &Self, delta: &Delta) -> Result<(), Error> {
        let ended = delta.ended.iter().filter_map(|shard| self.operation(*shard)).flat_map(Operation::shards);
        let touched = delta.shards.iter().map(|record| record.id).chain(delta.gone.iter().copied());
        for shard in touched.chain(ended).chain(delta.begun.iter().flat_map(Operation::shards)) {
            table.verify_shard(shard)?;
        }
        for record in &delta.shards {
            let before = self.shard(record.id).map(|shard| shard.epoch().range);
            let goes_on = before.is_some_and(|before| record.epoch.range >= before);
            if !goes_on && table.lineage.has_ended_from(record.id, record.epoch.range) {
                return Err(Error::Broken { what: format!("{} has ended and is there", record.id) });
            }
        }
        delta.passings.iter().try_for_each(|passing| table.verify_passing(passing.as_passed()))
    }
}

impl Delta {
    /// That no counter goes back.
    fn expect_progress(&self, table: &Table) -> Result<(), Error> {
        let (floor, before) = (self.floor, table.floor);
        let goes_on = self.to > table.revision
            && self.next_id >= table.next_id
            && floor.epoch == floor.epoch.join(before.epoch)
            && floor.version >= before.version;
        if goes_on { Ok(()) } else { Err(broken("a delta leads back")) }
    }
}

fn broken(what: &str) -> Error {
    Error::Broken { what: what.into() }
}

impl Draft<'_> {
    fn end_operations(&mut self, ended: &[ShardId]) -> Result<(), Error> {
        for shard in ended {
            let operation = self.table.operations.on(*shard).filter(|operation| operation.shard() == *shard);
            let operation = operation
                .cloned()
                .ok_or_else(|| broken("a delta ends an operation that is not under way"))?;
            self.table.operations.remove(&operation);
        }
        Ok(())
    }

    fn begin_operations(&mut self, begun: &[Operation]) -> Result<(), Error> {
        for operation in begun {
            for shard in operation.shards() {
                self.idle(shard)?;
            }
            self.table.operations.insert(operation.clone());
        }
        Ok(())
    }

    /// First what goes, and then what comes: so that what is in the way of a shard is so for good.
    fn take_shards_of(&mut self, delta: &Delta) -> Result<(), Error> {
        for shard in &delta.gone {
            self.replace(&[self.record(*shard)?], &[]);
        }
        let mut coming = Vec::new();
        for record in &delta.shards {
            let mut record = record.clone();
            record.settle_replicas()?;
            record.expect_room()?;
            match self.record(record.id) {
                Ok(old) if old.range == record.range => self.replace(&[old], &[record]),
                Ok(old) => {
                    self.replace(&[old], &[]);
                    coming.push(record);
                }
                Err(_) => coming.push(record),
            }
        }
        for record in coming {
            let shard = record.id;
            if let Some(existing) = self.table.shard(shard) {
                return Err(Error::ShardExists { shard, range: existing.range().to_key_range() });
            }
            self.expect_unowned(&record)?;
            self.replace(&[], &[record]);
        }
        Ok(())
    }
}
