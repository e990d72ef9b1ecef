//! Merges of two neighbours, in one step and in two phases.

use super::draft::Draft;
use crate::change::{Naming, Operation, Outcome};
use crate::counter;
use crate::error::Error;
use crate::key::KeyRange;
use crate::shard::{ShardId, ShardRecord, ShardState};

impl Draft<'_> {
    pub(super) fn merge(&mut self, shards: (ShardId, ShardId), naming: Naming) -> Result<Outcome, Error> {
        let mut parents = [self.idle(shards.0)?, self.idle(shards.1)?];
        let range = join(&mut parents)?;
        self.unite(&parents, range, naming, parents[0].state)
    }

    pub(super) fn begin_merge(
        &mut self,
        shards: (ShardId, ShardId),
        naming: Naming,
    ) -> Result<Outcome, Error> {
        let mut parents = [self.idle(shards.0)?, self.idle(shards.1)?];
        join(&mut parents)?;
        let [lower, upper] = parents.map(|parent| parent.id);
        self.begin(Operation::Merge { lower, upper, naming, began: self.at })
    }

    /// Replaces two shards that were [joined](join) by one that has all that they had.
    pub(super) fn unite(
        &mut self,
        parents: &[ShardRecord; 2],
        range: KeyRange,
        naming: Naming,
        state: ShardState,
    ) -> Result<Outcome, Error> {
        let [lower, upper] = parents;
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
        parents.iter().for_each(|parent| self.pass(parent));
        self.replace(parents, &[child]);
        Ok(outcome)
    }
}

/// Puts two shards in key order and gives the range of both, if they are neighbours that agree on leader, replicas and state.
pub(super) fn join(shards: &mut [ShardRecord; 2]) -> Result<KeyRange, Error> {
    if shards[0].range.start() > shards[1].range.start() {
        shards.swap(0, 1);
    }
    let [low, up] = &*shards;
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
    Ok(range)
}
