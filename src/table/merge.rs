//! Merges of two neighbours, in one step and in two phases.

use super::draft::Draft;
use crate::change::{Naming, Operation, Outcome};
use crate::counter;
use crate::error::Error;
use crate::key::KeyRange;
use crate::shard::{ShardId, ShardRecord, ShardState};

/// Two shards that can be merged.
pub(super) struct Pair {
    pub(super) lower: ShardRecord,
    upper: ShardRecord,
    /// The range of both.
    range: KeyRange,
}

impl Draft<'_> {
    pub(super) fn merge(&mut self, shards: (ShardId, ShardId), naming: Naming) -> Result<Outcome, Error> {
        let pair = Pair::new(self.idle(shards.0)?, self.idle(shards.1)?)?;
        let state = pair.lower.state;
        self.unite(pair, naming, state)
    }

    pub(super) fn begin_merge(
        &mut self,
        shards: (ShardId, ShardId),
        naming: Naming,
    ) -> Result<Outcome, Error> {
        let Pair { lower, upper, .. } = Pair::new(self.idle(shards.0)?, self.idle(shards.1)?)?;
        self.begin(Operation::Merge { lower: lower.id, upper: upper.id, naming, began: self.at })
    }

    /// Replaces both shards by one that has all that they had.
    pub(super) fn unite(&mut self, pair: Pair, naming: Naming, state: ShardState) -> Result<Outcome, Error> {
        let Pair { lower, upper, range } = pair;
        let updated = self.now_or(lower.updated.max(upper.updated));
        let (id, created) = match naming {
            Naming::Fresh => (self.fresh_id()?, updated),
            Naming::KeepLower => (lower.id, lower.created),
            Naming::KeepUpper => (upper.id, upper.created),
        };
        let child = ShardRecord {
            id,
            range,
            state,
            leader: lower.leader,
            replicas: lower.replicas.clone(),
            estimates: lower
                .estimates
                .checked_add(upper.estimates)
                .ok_or(Error::EstimatesOverflow { lower: lower.id, upper: upper.id })?,
            created,
            updated,
            version: counter::next(lower.version.max(upper.version), "version")?,
            epoch: lower.epoch.join(upper.epoch).next_range()?,
        };
        let outcome = Outcome::Merged { lower: lower.id, upper: upper.id, into: id };
        [&lower, &upper].into_iter().for_each(|parent| self.pass(parent));
        self.replace(&[lower, upper], &[child]);
        Ok(outcome)
    }
}

impl Pair {
    /// Puts the two in key order, if they are neighbours that agree on leader, replicas and state.
    pub(super) fn new(one: ShardRecord, other: ShardRecord) -> Result<Self, Error> {
        let (low, up) = if one.range.start() <= other.range.start() { (one, other) } else { (other, one) };
        let (lower, upper) = (low.id, up.id);
        let Some(range) = low.range.join(&up.range) else {
            let (lower_range, upper_range) = (low.range.clone(), up.range.clone());
            return Err(Error::NotNeighbours { lower, lower_range, upper, upper_range });
        };
        if low.leader != up.leader {
            let (lower_leader, upper_leader) = (low.leader, up.leader);
            return Err(Error::DifferentLeaders { lower, lower_leader, upper, upper_leader });
        }
        if low.replicas != up.replicas {
            let (lower_replicas, upper_replicas) = (low.replicas.clone(), up.replicas.clone());
            return Err(Error::DifferentReplicas { lower, lower_replicas, upper, upper_replicas });
        }
        if low.state != up.state {
            let (lower_state, upper_state) = (low.state, up.state);
            return Err(Error::DifferentStates { lower, lower_state, upper, upper_state });
        }
        Ok(Self { lower: low, upper: up, range })
    }
}
