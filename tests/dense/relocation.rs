//! The model of relocations: from which phase to which, who may be read from, and who is written to.

use shardway::{NodeId, Operation, OperationKind, Outcome, Phase, Progress, ShardId, ShardRecord};

use super::{Dense, Refused, ensure};

fn holders(record: &ShardRecord) -> Vec<NodeId> {
    [record.leader].into_iter().chain(record.replicas.iter().copied()).collect()
}

impl Dense {
    pub(super) fn begin_relocation(
        &mut self,
        shard: ShardId,
        from: NodeId,
        to: NodeId,
    ) -> Result<Outcome, Refused> {
        let record = self.idle(shard)?;
        ensure(holders(&record).contains(&from), "NoSuchReplica")?;
        ensure(record.leader != to, "AlreadyLeader")?;
        ensure(!record.replicas.contains(&to), "DuplicateReplica")?;
        self.fence(shard, |_| {})?;
        let (phase, progress, began) = (Phase::WriteBothReadOld, Progress::NONE, self.now);
        self.operations.push(Operation::Relocation {
            shard,
            from,
            to,
            phase,
            progress,
            began,
            reported: None,
        });
        Ok(Outcome::Began { kind: OperationKind::Relocation, shard })
    }

    pub(super) fn step_relocation(&mut self, shard: ShardId, next: Phase) -> Result<Outcome, Refused> {
        use Phase::{UseNew, WriteBothReadNew, WriteBothReadOld};
        let old = self.under_way(shard, OperationKind::Relocation)?;
        let mut new = old.clone();
        let Operation::Relocation { from, to, phase, .. } = &mut new else { unreachable!("as asked for") };
        let (left, got) = match (*phase, next) {
            (before, after) if before == after => return Ok(Outcome::Unchanged),
            (WriteBothReadOld, WriteBothReadNew) => (Some(*from), *to),
            (WriteBothReadNew, WriteBothReadOld) => (Some(*to), *from),
            (WriteBothReadNew, UseNew) => (None, *to),
            _ => return Err("WrongPhase"),
        };
        *phase = next;
        self.operations.retain(|operation| *operation != old);
        self.operations.push(new);
        self.fence(shard, |record| {
            let all = [&mut record.leader].into_iter().chain(&mut record.replicas);
            all.filter(|node| Some(**node) == left).for_each(|node| *node = got);
        })?;
        Ok(Outcome::Stepped { shard, phase: next })
    }

    pub(super) fn finish_relocation(operation: &Operation) -> Result<Outcome, Refused> {
        let Operation::Relocation { shard, from, to, phase, .. } = *operation else {
            unreachable!("as asked for")
        };
        ensure(phase == Phase::UseNew, "WrongPhase")?;
        Ok(Outcome::Relocated { shard, from, to })
    }

    pub(super) fn undo_relocation(&mut self, shard: ShardId, phase: Phase) -> Result<Outcome, Refused> {
        ensure(phase == Phase::WriteBothReadOld, "WrongPhase")?;
        self.fence(shard, |_| {})?;
        Ok(Outcome::Aborted { kind: OperationKind::Relocation, shard })
    }

    /// Whatever becomes of the members, their epoch is another.
    fn fence(&mut self, shard: ShardId, change: impl FnOnce(&mut ShardRecord)) -> Result<(), Refused> {
        let mut record = self.get(shard)?;
        change(&mut record);
        record.replicas.sort();
        record.updated = self.now.unwrap_or(record.updated);
        record.version += 1;
        record.epoch.members += 1;
        self.shards.insert(shard, record);
        Ok(())
    }

    /// Whether a copy is on its way from or to the node.
    pub(super) fn is_relocating(&self, node: NodeId) -> bool {
        let is_part = |operation: &Operation| matches!(operation, Operation::Relocation { from, to, .. } if *from == node || *to == node);
        self.operations.iter().any(is_part)
    }

    /// Whom a read may ask, and whom a write must reach.
    pub(crate) fn sets(&self, record: &ShardRecord) -> (Vec<NodeId>, Vec<NodeId>) {
        let read = holders(record);
        let mut write = read.clone();
        for operation in &self.operations {
            match *operation {
                Operation::Relocation { shard, from, to, phase, .. } if shard == record.id => match phase {
                    Phase::WriteBothReadOld => write.push(to),
                    Phase::WriteBothReadNew => write.push(from),
                    _ => {}
                },
                _ => {}
            }
        }
        (read, write)
    }
}
