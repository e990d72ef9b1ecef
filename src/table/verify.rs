//! The invariants of a table, each checked from scratch. What tests, fuzzers and the loading of images rely on.

use super::Table;
use super::digest::Sum;
use super::ids::Ids;
use super::lineage::Passed;
use super::merge::join;
use super::operations::state_under;
use super::registry::expect_room_for_key;
use super::relocation::expect_holders;
use super::transfer::expect_other_leader;
use crate::change::Operation;
use crate::error::Error;
use crate::shard::{Shard, ShardId, ShardRecord};

impl Table {
    /// Checks every invariant of the table from scratch. O(n log n). A table that this library made passes; the check is
    /// public so that nobody has to believe it.
    ///
    /// - Ranges are in key order, without overlap, and each is found under its start.
    /// - The index by id is what a rebuild from the index by key gives, and so are the sums and sets of nodes in its parts.
    /// - Replicas are a set in ascending order, without the leader.
    /// - Every id is below the next to be given out.
    /// - A shard is splitting, merging or transferring if and only if such an operation is under way on it, and each
    ///   operation could be begun on its shards as they are.
    /// - What is remembered of shards that are gone is in order, and none of them is there.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`], with the first thing that does not hold.
    pub fn verify(&self) -> Result<(), Error> {
        let mut ids = Ids::default();
        let mut records = Sum::default();
        let mut previous: Option<Shard<'_>> = None;
        expect(self.index.broken().is_none(), || self.index.broken().unwrap_or_default().into())?;
        for shard in self.shards() {
            let (id, start) = (shard.id(), shard.start());
            expect(shard.end().is_above(start), || format!("{id} owns no key"))?;
            expect(previous.is_none_or(|lower| !lower.end().is_above(start)), || {
                format!("{id} starts within the shard before it")
            })?;
            let record = shard.to_record();
            self.verify_record(&record)?;
            records.add(&record);
            expect(ids.get(id).is_none(), || format!("{id} is there twice"))?;
            ids.insert(id, start);
            previous = Some(shard);
        }
        expect(self.ids.broken().is_none(), || self.ids.broken().unwrap_or_default().into())?;
        expect(ids == self.ids, || "the index by id differs from that by key".into())?;
        expect(self.index.len() == self.ids.len(), || "the indexes have different sizes".into())?;
        expect(self.nodes.is_whole(), || "a node that is down is not marked so".into())?;
        expect(self.records == records, || "the records do not add up".into())?;
        expect(self.operations.sum() == Sum::of(self.operations()), || {
            "the operations do not add up".into()
        })?;
        self.verify_lineage()?;
        self.verify_operations()
    }

    fn verify_lineage(&self) -> Result<(), Error> {
        expect(self.lineage.is_whole(), || {
            "what is remembered of shards that are gone is out of order".into()
        })?;
        self.lineage.iter().try_for_each(|passed| self.verify_passing(passed))
    }

    pub(super) fn verify_passing(&self, passed: Passed<'_>) -> Result<(), Error> {
        let Passed { shard, epoch, revision, .. } = passed;
        expect(revision <= self.revision, || format!("{shard} has ended in a revision to come"))?;
        expect(shard.0 < self.next_id, || format!("{shard} has ended and may be given out again"))?;
        let is_over = self.shard(shard).is_none_or(|shard| shard.epoch().range > epoch);
        expect(is_over, || format!("{shard} has ended and is there"))
    }

    /// What is there of one shard, and of the operation on it: if it is gone, nothing.
    pub(super) fn verify_shard(&self, shard: ShardId) -> Result<(), Error> {
        let operation = self.operation(shard);
        match self.shard(shard) {
            Some(shard) => self.verify_record(&shard.to_record())?,
            None => {
                expect(operation.is_none(), || format!("{shard} is gone while an operation is under way"))?
            }
        }
        operation.map_or(Ok(()), |operation| self.verify_plan(operation))
    }

    fn verify_record(&self, record: &ShardRecord) -> Result<(), Error> {
        let id = record.id;
        expect(record.replicas.is_sorted_by(|one, next| one < next), || {
            format!("the replicas of {id} are no set")
        })?;
        expect(!record.replicas.contains(&record.leader), || {
            format!("the leader of {id} is its replica too")
        })?;
        expect(id.0 < self.next_id, || format!("{id} is in use and may be given out again"))?;
        let kind = self.operation(id).map(Operation::kind);
        match (kind, kind.and_then(state_under)) {
            (Some(kind), Some(state)) => expect(record.state == state, || {
                format!("{id} is {} while a {kind} is under way", record.state)
            }),
            _ => record.expect_no_operation().map_err(|error| Error::Broken { what: error.to_string() }),
        }
    }

    fn verify_operations(&self) -> Result<(), Error> {
        let mut shards = 0;
        for operation in self.operations() {
            shards += operation.shards().count();
            for shard in operation.shards() {
                expect(self.operation(shard) == Some(operation), || {
                    format!("{shard} does not know its operation")
                })?;
            }
            self.verify_plan(operation)
                .map_err(|error| Error::Broken { what: format!("an operation makes no sense: {error}") })?;
        }
        expect(shards == self.operations.shards(), || {
            "an operation is known to a shard that is not part of it".into()
        })
    }

    /// That an operation could be begun on its shards as they are.
    fn verify_plan(&self, operation: &Operation) -> Result<(), Error> {
        let record = |shard| self.shard(shard).map(Shard::to_record).ok_or(Error::NoSuchShard { shard });
        match operation {
            Operation::Split { shard, at, .. } => {
                expect_room_for_key(at.as_bytes())?;
                record(*shard)?.range.split_at(at).map(drop)
            }
            Operation::Merge { lower, upper, .. } => {
                let mut parents = [record(*lower)?, record(*upper)?];
                join(&mut parents)?;
                expect(parents[0].id == *lower, || format!("{upper} comes before {lower}"))
            }
            Operation::Transfer { shard, from, to, .. } => {
                expect(record(*shard)?.leader == *from, || format!("{from} does not lead {shard}"))?;
                expect_other_leader(&record(*shard)?, *to)
            }
            Operation::Relocation { shard, from, to, phase, .. } => {
                expect_holders(&record(*shard)?, *from, *to, *phase)
            }
        }
    }
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Broken { what: what() }) }
}
