//! Changes to which shards there are and to what is known of each, short of splitting, merging and moving them.

use super::Floor;
use super::draft::Draft;
use super::index::{MOST_BYTES, MOST_REPLICAS};
use crate::change::Outcome;
use crate::error::Error;
use crate::shard::{Epoch, Estimates, NodeId, ShardId, ShardRecord, ShardState};

impl ShardRecord {
    pub(super) fn expect_version(&self, expected: u64) -> Result<(), Error> {
        match self.version {
            found if found == expected => Ok(()),
            found => Err(Error::StaleVersion { shard: self.id, expected, found }),
        }
    }

    pub(super) fn expect_epoch(&self, expected: Epoch) -> Result<(), Error> {
        match self.epoch {
            found if found == expected => Ok(()),
            found => Err(Error::StaleEpoch { shard: self.id, expected, found }),
        }
    }

    /// That the table has room for its keys and replicas.
    pub(super) fn expect_room(&self) -> Result<(), Error> {
        expect_room_for_key(self.range.start())?;
        self.range.end().key().map_or(Ok(()), expect_room_for_key)?;
        match self.replicas.len() {
            found if found > MOST_REPLICAS => {
                Err(Error::TooLarge { what: "replicas", found, most: MOST_REPLICAS })
            }
            _ => Ok(()),
        }
    }

    /// That the state is one that a shard can be in by itself.
    pub(super) fn expect_no_operation(&self) -> Result<(), Error> {
        match self.state {
            ShardState::Active | ShardState::Offline => Ok(()),
            state => Err(Error::NeedsOperation { shard: self.id, state }),
        }
    }
}

pub(super) fn expect_room_for_key(key: &[u8]) -> Result<(), Error> {
    match key.len() {
        found if found > MOST_BYTES => {
            Err(Error::TooLarge { what: "bytes of a key", found, most: MOST_BYTES })
        }
        _ => Ok(()),
    }
}

impl Draft<'_> {
    pub(super) fn register(&mut self, record: &ShardRecord) -> Result<Outcome, Error> {
        let mut record = record.clone();
        let shard = record.id;
        if let Some(existing) = self.table.shard(shard) {
            return Err(Error::ShardExists { shard, range: existing.range().to_key_range() });
        }
        self.expect_unowned(&record)?;
        record.expect_no_operation()?;
        record.settle_replicas()?;
        record.expect_room()?;
        self.expect_unseen(&record)?;
        self.reserve(shard)?;
        record.created = self.now_or(record.created);
        record.updated = self.now_or(record.updated);
        self.replace(&[], &[record]);
        Ok(Outcome::Registered { shard })
    }

    /// That no epoch or version of the shard can have been seen before, under the same id, of a shard that is gone.
    fn expect_unseen(&self, record: &ShardRecord) -> Result<(), Error> {
        let Floor { epoch, version } = self.table.floor;
        let is_above = record.epoch.range > epoch.range
            && record.epoch.members >= epoch.members
            && record.version > version;
        let (shard, fresh) = (record.id, self.table.next_id);
        if shard.0 >= fresh || is_above {
            Ok(())
        } else {
            Err(Error::ReusedId { shard, epoch, version, fresh })
        }
    }

    /// Only the neighbours can be in the way: the last shard that starts at or before the range, and the first after.
    pub(super) fn expect_unowned(&self, record: &ShardRecord) -> Result<(), Error> {
        let start = record.range.start();
        let neighbours = [self.table.index.floor(start), self.table.index.after(start)];
        match neighbours.into_iter().flatten().find(|owner| owner.range().overlaps(&record.range)) {
            Some(owner) => Err(Error::Overlap {
                shard: record.id,
                range: record.range.clone(),
                owner: owner.id(),
                owned: owner.range().to_key_range(),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn update(&mut self, record: &ShardRecord) -> Result<Outcome, Error> {
        let current = self.record(record.id)?;
        current.expect_version(record.version)?;
        current.expect_epoch(record.epoch)?;
        if record.range != current.range {
            let (shard, range, found) = (record.id, current.range.clone(), record.range.clone());
            return Err(Error::RangeChanged { shard, range, found });
        }
        let mut record = record.clone();
        record.settle_replicas()?;
        if record.state != current.state || !record.same_members(&current) {
            self.idle(record.id)?;
            record.expect_no_operation()?;
        }
        self.amend(&current, |next| {
            *next = record;
            Ok(())
        })
    }

    pub(super) fn remove(&mut self, shard: ShardId) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        self.pass(&record);
        self.replace(&[record], &[]);
        Ok(Outcome::Removed { shard })
    }

    pub(super) fn report(&mut self, shard: ShardId, estimates: Estimates) -> Result<Outcome, Error> {
        let record = self.record(shard)?;
        self.amend(&record, |next| {
            next.estimates = estimates;
            Ok(())
        })
    }

    pub(super) fn add_replica(&mut self, shard: ShardId, node: NodeId) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        self.amend(&record, |next| {
            next.replicas.push(node);
            next.settle_replicas()
        })
    }

    pub(super) fn remove_replica(&mut self, shard: ShardId, node: NodeId) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        if record.leader == node {
            return Err(Error::RemovesLeader { shard, leader: node });
        }
        let place = record.replicas.binary_search(&node).map_err(|_| Error::NoSuchReplica { shard, node })?;
        self.amend(&record, |next| {
            next.replicas.remove(place);
            Ok(())
        })
    }
}
