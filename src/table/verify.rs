//! The invariants of a table, each checked from scratch. What tests, fuzzers and the loading of images rely on.

use super::Table;
use super::directory::Directory;
use super::merge::Pair;
use super::operations::state_under;
use super::transfer::expect_other_leader;
use crate::change::Operation;
use crate::error::Error;
use crate::key::KeyEnd;
use crate::shard::ShardRecord;

impl Table {
    /// Checks every invariant of the table from scratch. O(n log n). A table that this library made passes; the check is
    /// public so that nobody has to believe it.
    ///
    /// - Ranges are in key order, without overlap, and each is found under its start.
    /// - The indexes by id and by node are what a rebuild from the index by key gives.
    /// - Replicas are a set in ascending order, without the leader.
    /// - Every id is below the next to be given out.
    /// - A shard is splitting, merging or transferring if and only if such an operation is under way on it, and each
    ///   operation could be begun on its shards as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`], with the first thing that does not hold.
    pub fn verify(&self) -> Result<(), Error> {
        let mut directory = Directory::default();
        let mut previous: Option<&ShardRecord> = None;
        expect(self.index.broken().is_none(), || self.index.broken().unwrap_or_default().into())?;
        for record in self.index.run(&[], KeyEnd::Unbounded) {
            let start = record.range.start();
            expect(record.range.end().is_above(start), || format!("{} owns no key", record.id))?;
            expect(previous.is_none_or(|lower| !lower.range.end().is_above(start)), || {
                format!("{} starts within the shard before it", record.id)
            })?;
            self.verify_record(record)?;
            expect(directory.start_of(record.id).is_none(), || format!("{} is there twice", record.id))?;
            directory.enter(record);
            previous = Some(record);
        }
        expect(directory == self.directory, || "the indexes by id and node differ from that by key".into())?;
        expect(self.index.len() == self.directory.len(), || "the indexes have different sizes".into())?;
        self.verify_operations()
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
        match self.operation(id) {
            None => record.expect_no_operation().map_err(|error| Error::Broken { what: error.to_string() }),
            Some(operation) => expect(record.state == state_under(operation.kind()), || {
                format!("{id} is {} while a {} is under way", record.state, operation.kind())
            }),
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
        let record = |shard| self.record(shard).ok_or(Error::NoSuchShard { shard });
        match operation {
            Operation::Split { shard, at, .. } => record(*shard)?.range.split_at(at).map(drop),
            Operation::Merge { lower, upper, .. } => {
                let pair = Pair::new(record(*lower)?.clone(), record(*upper)?.clone())?;
                expect(pair.lower.id == *lower, || format!("{upper} comes before {lower}"))
            }
            Operation::Transfer { shard, from, to, .. } => {
                expect(record(*shard)?.leader == *from, || format!("{from} does not lead {shard}"))?;
                expect_other_leader(record(*shard)?, *to)
            }
        }
    }
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Broken { what: what() }) }
}
