//! A table in the making: the next one, while a transaction carries its changes out on it. Each family of changes has a file of
//! its own that ends up here, in the one place where the index, the ids and their supply change together.

use super::lineage::Passed;
use super::{Memory, Table};
use crate::change::{Action, Change, Expectation, OperationKind, Outcome, Summary};
use crate::counter;
use crate::error::Error;
use crate::shard::{ShardId, ShardRecord, ShardState, Timestamp};

/// See the module. When a change is refused, the table is of no account.
pub(super) struct Draft<'t> {
    pub(super) table: &'t mut Table,
    /// When the change that is being carried out happens.
    pub(super) at: Option<Timestamp>,
    /// Whether what is copied around a shard is far, and is asked for when the shard is found.
    pub(super) asks: bool,
}

impl<'t> Draft<'t> {
    /// Of a table that nobody else has, and that is the one before so far.
    pub(super) fn of(table: &'t mut Table) -> Self {
        Self { table, at: None, asks: false }
    }

    pub(super) fn finish(mut self, outcomes: Vec<Outcome>) -> Result<Summary, Error> {
        let base = self.table.revision;
        self.count_on(outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged))?;
        Ok(Summary { base, revision: self.table.revision, outcomes })
    }

    /// The next revision, if anything was altered.
    pub(super) fn count_on(&mut self, is_altered: bool) -> Result<(), Error> {
        if is_altered {
            self.table.revision = counter::next(self.table.revision, "revision")?;
        }
        Ok(())
    }

    /// Carries out one change, or says why not; what it has altered by then is of no account.
    pub(super) fn carry_out(&mut self, change: &Change) -> Result<Outcome, Error> {
        self.at = change.at;
        for expectation in &change.expect {
            self.check(*expectation)?;
        }
        match &change.action {
            Action::Register(record) => self.register(record),
            Action::Update(record) => self.update(record),
            Action::Remove { shard } => self.remove(*shard),
            Action::Report { shard, estimates } => self.report(*shard, *estimates),
            Action::TakeOffline { shard } => self.set_serving(*shard, ShardState::Offline),
            Action::BringOnline { shard } => self.set_serving(*shard, ShardState::Active),
            Action::AddReplica { shard, node } => self.add_replica(*shard, *node),
            Action::RemoveReplica { shard, node } => self.remove_replica(*shard, *node),
            Action::Split { shard, at, naming } => self.split(*shard, at, *naming),
            Action::BeginSplit { shard, at, naming } => self.begin_split(*shard, at, *naming),
            Action::CommitSplit { shard } => self.commit(*shard, OperationKind::Split),
            Action::AbortSplit { shard } => self.abort(*shard, OperationKind::Split),
            Action::Merge { shards, naming } => self.merge(*shards, *naming),
            Action::BeginMerge { shards, naming } => self.begin_merge(*shards, *naming),
            Action::CommitMerge { shard } => self.commit(*shard, OperationKind::Merge),
            Action::AbortMerge { shard } => self.abort(*shard, OperationKind::Merge),
            Action::Transfer { shard, to } => self.transfer(*shard, *to),
            Action::BeginTransfer { shard, to } => self.begin_transfer(*shard, *to),
            Action::ReportProgress { shard, progress } => self.report_progress(*shard, *progress),
            Action::CommitTransfer { shard } => self.commit(*shard, OperationKind::Transfer),
            Action::AbortTransfer { shard } => self.abort(*shard, OperationKind::Transfer),
            Action::BeginRelocation { shard, from, to } => self.begin_relocation(*shard, *from, *to),
            Action::StepRelocation { shard, phase } => self.step_relocation(*shard, *phase),
            Action::CommitRelocation { shard } => self.commit(*shard, OperationKind::Relocation),
            Action::AbortRelocation { shard } => self.abort(*shard, OperationKind::Relocation),
            Action::PutNode(node) => self.put_node(node),
            Action::SetStatus { node, status } => self.set_status(*node, *status),
            Action::ForgetNode { node } => self.forget_node(*node),
            Action::SetMemory(memory) => Ok(self.set_memory(*memory)),
        }
    }

    fn check(&self, expectation: Expectation) -> Result<(), Error> {
        match expectation {
            Expectation::Revision(expected) if expected != self.table.revision => {
                Err(Error::StaleRevision { expected, found: self.table.revision })
            }
            Expectation::Version { shard, version } => self.record(shard)?.expect_version(version),
            Expectation::Epoch { shard, epoch } => self.record(shard)?.expect_epoch(epoch),
            Expectation::Revision(_) => Ok(()),
        }
    }

    /// The shard of this id, apart from the draft.
    pub(super) fn record(&self, shard: ShardId) -> Result<ShardRecord, Error> {
        // `ok_or` would make an error each time, and drop it.
        match self.find(shard) {
            Some(found) => Ok(found.to_record()),
            None => Err(Error::NoSuchShard { shard }),
        }
    }

    /// An id that no shard has had.
    pub(super) fn fresh_id(&mut self) -> Result<ShardId, Error> {
        let id = self.table.next_id;
        self.reserve(ShardId(id))?;
        Ok(ShardId(id))
    }

    /// Sees to it that `id` is never given out.
    pub(super) fn reserve(&mut self, id: ShardId) -> Result<(), Error> {
        let after = counter::next(id.0, "supply of shard ids")?;
        self.table.next_id = self.table.next_id.max(after);
        Ok(())
    }

    /// The last update of a shard that comes of others: now, if the caller tells the time, or else theirs.
    pub(super) fn now_or(&self, then: Timestamp) -> Timestamp {
        self.at.unwrap_or(then)
    }

    /// Changes the record of a shard that keeps its id and range: counts its version on, and its members epoch if leader
    /// or replicas differ. A record that comes out the same changes nothing.
    pub(super) fn amend(
        &mut self,
        current: &ShardRecord,
        change: impl FnOnce(&mut ShardRecord) -> Result<(), Error>,
    ) -> Result<Outcome, Error> {
        let mut next = current.clone();
        change(&mut next)?;
        next.updated = self.now_or(next.updated);
        if next == *current {
            return Ok(Outcome::Unchanged);
        }
        next.expect_room()?;
        next.version = counter::next(current.version, "version")?;
        if !next.same_members(current) {
            next.epoch = current.epoch.next_members()?;
        }
        let outcome = Outcome::Updated { shard: next.id, version: next.version };
        self.replace(std::slice::from_ref(current), &[next]);
        Ok(outcome)
    }

    fn set_memory(&mut self, memory: Memory) -> Outcome {
        if self.table.memory() == memory {
            return Outcome::Unchanged;
        }
        self.table.lineage.set_memory(memory);
        Outcome::MemorySet
    }

    /// Remembers that a shard has ended.
    pub(super) fn pass(&mut self, shard: &ShardRecord) {
        // The revision that comes of this. At the last one nothing comes of it.
        let revision = self.table.revision.saturating_add(1);
        let (epoch, range) = (shard.epoch.range, shard.range.as_bytes());
        self.table.lineage.push(&Passed { shard: shard.id, epoch, range, revision });
    }

    /// Replaces a run of neighbours by other shards on the same keys, in every index.
    pub(super) fn replace(&mut self, old: &[ShardRecord], new: &[ShardRecord]) {
        let Table { ids, floor, index, records, replaced_bytes, .. } = &mut *self.table;
        for gone in old {
            records.remove(gone);
            if !new.iter().any(|kept| kept.id == gone.id) {
                floor.raise(gone);
                ids.remove(gone.id);
            }
        }
        new.iter().for_each(|record| records.add(record));
        let stays = |record: &ShardRecord| {
            old.iter().any(|kept| kept.id == record.id && kept.range.start() == record.range.start())
        };
        let moved = new.iter().filter(|record| !stays(record));
        ids.insert_all(moved.map(|record| (record.id, record.range.start())));
        *replaced_bytes = replaced_bytes.saturating_add(index.path_bytes() as u64);
        index.replace(old, new);
    }
}
