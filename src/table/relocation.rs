//! Relocations: a copy of a shard comes to another node in phases, each of which says which nodes a read must ask and a write
//! must reach, so that the shard serves both throughout. Copying the data, and waiting until all know of a phase, is the
//! caller's part.

use super::Table;
use super::draft::Draft;
use crate::change::{Operation, OperationKind, Outcome, Phase, Progress};
use crate::counter;
use crate::error::Error;
use crate::shard::{NodeId, Shard, ShardId, ShardRecord};

/// Read and write sets.
impl Table {
    /// The nodes that a read of `shard`, which is one of this table, may ask: the leader first, then the replicas. While a copy is
    /// relocated, those that have all of the data. Whether the shard serves reads at all is said by its state. No allocation.
    pub fn read_set<'t>(&self, shard: Shard<'t>) -> impl Iterator<Item = NodeId> + use<'t> {
        [shard.leader()].into_iter().chain(shard.replicas().iter().copied())
    }

    /// The nodes that a write to `shard`, which is one of this table, must reach: the read set and, while a copy is relocated,
    /// the node that gets it or the one that loses it. Whether the shard serves writes at all is said by its state. O(log
    /// operations under way); no allocation.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Phase, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let id = table.resolve("")?.shard;
    /// let sets = |table: &Table| {
    ///     let shard = table.shard(id).unwrap();
    ///     (table.read_set(shard).collect(), table.write_set(shard).collect())
    /// };
    /// let nodes = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
    ///
    /// let (table, _) = table.apply(&[Change::begin_relocation(id, NodeId(1), NodeId(2))])?;
    /// assert_eq!(sets(&table), (nodes(&[1]), nodes(&[1, 2]))); // write both, read old
    /// let (table, _) = table.apply(&[Change::step_relocation(id, Phase::WriteBothReadNew)])?;
    /// assert_eq!(sets(&table), (nodes(&[2]), nodes(&[2, 1]))); // write both, read new
    /// let (table, _) = table.apply(&[Change::step_relocation(id, Phase::UseNew)])?;
    /// assert_eq!(sets(&table), (nodes(&[2]), nodes(&[2])));
    /// let (table, _) = table.apply(&[Change::commit_relocation(id)])?;
    /// assert_eq!(table.resolve("")?.leader, NodeId(2));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn write_set<'t>(&self, shard: Shard<'t>) -> impl Iterator<Item = NodeId> + use<'t> {
        self.read_set(shard).chain(self.written_beside(shard.id()))
    }

    /// The node that is written to although nobody reads there.
    pub(super) fn written_beside(&self, shard: ShardId) -> Option<NodeId> {
        match self.operation(shard) {
            Some(Operation::Relocation { to, phase: Phase::WriteBothReadOld, .. }) => Some(*to),
            Some(Operation::Relocation { from, phase: Phase::WriteBothReadNew, .. }) => Some(*from),
            _ => None,
        }
    }
}

impl Draft<'_> {
    pub(super) fn begin_relocation(
        &mut self,
        shard: ShardId,
        from: NodeId,
        to: NodeId,
    ) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        expect_holder(&record, from)?;
        expect_no_holder(&record, to)?;
        self.fence(&record, |_| {})?;
        self.table.operations.insert(Operation::Relocation {
            shard,
            from,
            to,
            phase: Phase::WriteBothReadOld,
            progress: Progress::NONE,
            began: self.at,
            reported: None,
        });
        Ok(Outcome::Began { kind: OperationKind::Relocation, shard })
    }

    /// To be in that phase already is no error.
    pub(super) fn step_relocation(&mut self, shard: ShardId, next: Phase) -> Result<Outcome, Error> {
        let before = self.under_way(shard, OperationKind::Relocation)?;
        let mut after = before.clone();
        let Operation::Relocation { from, to, phase, .. } = &mut after else {
            return Ok(Outcome::Unchanged);
        };
        if *phase == next {
            return Ok(Outcome::Unchanged);
        }
        expect_phase(shard, next.enters_from(), *phase)?;
        *phase = next;
        let (from, to) = (*from, *to);
        self.table.operations.replace(&before, after);
        self.fence(&self.record(shard)?, |record| match next {
            Phase::WriteBothReadOld => exchange(record, to, from),
            Phase::WriteBothReadNew => exchange(record, from, to),
            Phase::UseNew => {}
        })?;
        Ok(Outcome::Stepped { shard, phase: next })
    }

    /// The operation has ended: see to it that it was through.
    pub(super) fn finish_relocation(
        shard: ShardId,
        nodes: (NodeId, NodeId),
        phase: Phase,
    ) -> Result<Outcome, Error> {
        expect_phase(shard, Phase::UseNew, phase)?;
        Ok(Outcome::Relocated { shard, from: nodes.0, to: nodes.1 })
    }

    /// The operation has ended without effect: see to it that nobody reads from the new copy.
    pub(super) fn undo_relocation(&mut self, shard: ShardId, phase: Phase) -> Result<(), Error> {
        expect_phase(shard, Phase::WriteBothReadOld, phase)?;
        self.fence(&self.record(shard)?, |_| {})
    }

    /// Counts the members epoch on, whether or not the members change: what was sent by those who knew another phase is stale.
    fn fence(&mut self, current: &ShardRecord, change: impl FnOnce(&mut ShardRecord)) -> Result<(), Error> {
        let mut next = current.clone();
        change(&mut next);
        next.updated = self.now_or(next.updated);
        next.version = counter::next(current.version, "version")?;
        next.epoch = current.epoch.next_members()?;
        self.replace(std::slice::from_ref(current), &[next]);
        Ok(())
    }
}

/// One holder of a copy in the place of another, if that holds one.
fn exchange(record: &mut ShardRecord, from: NodeId, to: NodeId) {
    if record.leader == from {
        record.leader = to;
    } else if let Ok(place) = record.replicas.binary_search(&from) {
        record.replicas[place] = to;
        record.replicas.sort_unstable();
    }
}

/// That a relocation in this phase makes sense for the shard as it is.
pub(super) fn expect_holders(
    record: &ShardRecord,
    from: NodeId,
    to: NodeId,
    phase: Phase,
) -> Result<(), Error> {
    let (holds, lacks) = if phase == Phase::WriteBothReadOld { (from, to) } else { (to, from) };
    expect_holder(record, holds)?;
    expect_no_holder(record, lacks)
}

fn expect_holder(record: &ShardRecord, node: NodeId) -> Result<(), Error> {
    if record.leader == node || record.replicas.binary_search(&node).is_ok() {
        return Ok(());
    }
    Err(Error::NoSuchReplica { shard: record.id, node })
}

fn expect_no_holder(record: &ShardRecord, node: NodeId) -> Result<(), Error> {
    if record.leader == node {
        return Err(Error::AlreadyLeader { shard: record.id, leader: node });
    }
    match record.replicas.binary_search(&node) {
        Ok(_) => Err(Error::DuplicateReplica { shard: record.id, node }),
        Err(_) => Ok(()),
    }
}

fn expect_phase(shard: ShardId, expected: Phase, found: Phase) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::WrongPhase { shard, expected, found }) }
}
