//! Transfers of a shard's leadership to another node, in one step and in two phases.

use super::draft::Draft;
use crate::change::{Operation, OperationKind, Outcome, Progress};
use crate::error::Error;
use crate::shard::{NodeId, ShardId, ShardRecord, ShardState};

impl Draft<'_> {
    pub(super) fn transfer(&mut self, shard: ShardId, to: NodeId) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        expect_other_leader(&record, to)?;
        self.hand_over(&record, to, record.state)
    }

    pub(super) fn begin_transfer(&mut self, shard: ShardId, to: NodeId) -> Result<Outcome, Error> {
        let record = self.idle(shard)?;
        expect_other_leader(&record, to)?;
        self.begin(Operation::Transfer {
            shard,
            from: record.leader,
            to,
            progress: Progress::NONE,
            began: self.at,
            reported: None,
        })
    }

    /// Of a relocation too.
    pub(super) fn report_progress(&mut self, shard: ShardId, now: Progress) -> Result<Outcome, Error> {
        let relocates = self.table.operation(shard).map(Operation::kind) == Some(OperationKind::Relocation);
        let kind = if relocates { OperationKind::Relocation } else { OperationKind::Transfer };
        let before = self.under_way(shard, kind)?;
        let mut after = before.clone();
        if let Operation::Transfer { progress, reported, .. }
        | Operation::Relocation { progress, reported, .. } = &mut after
        {
            *progress = now;
            *reported = self.at.or(*reported);
        }
        if after == before {
            return Ok(Outcome::Unchanged);
        }
        self.table.operations.replace(&before, after);
        Ok(Outcome::Progressed { shard })
    }

    /// A replica swaps roles with the leader; any other node takes its place.
    pub(super) fn hand_over(
        &mut self,
        record: &ShardRecord,
        to: NodeId,
        state: ShardState,
    ) -> Result<Outcome, Error> {
        let (shard, from) = (record.id, record.leader);
        self.amend(record, |next| {
            next.state = state;
            next.leader = to;
            if let Ok(place) = next.replicas.binary_search(&to) {
                next.replicas[place] = from;
                next.replicas.sort_unstable();
            }
            Ok(())
        })?;
        Ok(Outcome::Transferred { shard, from, to })
    }
}

pub(super) fn expect_other_leader(record: &ShardRecord, to: NodeId) -> Result<(), Error> {
    if record.leader == to {
        return Err(Error::AlreadyLeader { shard: record.id, leader: to });
    }
    Ok(())
}
