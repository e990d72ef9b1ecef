//! Splits, in one step and in two phases.

use super::draft::Draft;
use super::registry::expect_room_for_key;
use crate::change::{Halves, Naming, Operation, Outcome};
use crate::counter;
use crate::error::Error;
use crate::key::Key;
use crate::shard::{ShardId, ShardRecord, ShardState};

impl Draft<'_> {
    pub(super) fn split(&mut self, shard: ShardId, at: &Key, naming: Naming) -> Result<Outcome, Error> {
        let parent = self.idle(shard)?;
        self.divide(&parent, at, naming, parent.state)
    }

    pub(super) fn begin_split(&mut self, shard: ShardId, at: &Key, naming: Naming) -> Result<Outcome, Error> {
        expect_room_for_key(at.as_bytes())?;
        self.idle(shard)?.range.split_at(at)?;
        self.begin(Operation::Split { shard, at: at.clone(), naming, began: self.at })
    }

    /// Replaces a shard by two that carry over what it had and share what it held.
    pub(super) fn divide(
        &mut self,
        parent: &ShardRecord,
        at: &Key,
        naming: Naming,
        state: ShardState,
    ) -> Result<Outcome, Error> {
        expect_room_for_key(at.as_bytes())?;
        let (lower_range, upper_range) = parent.range.split_at(at)?;
        let (lower_estimates, upper_estimates) = parent.estimates.halves();
        let epoch = parent.epoch.next_range()?;
        let version = counter::next(parent.version, "version")?;
        let updated = self.now_or(parent.updated);
        let (lower, upper) = match naming {
            Naming::Fresh => (self.fresh_id()?, self.fresh_id()?),
            Naming::KeepLower => (parent.id, self.fresh_id()?),
            Naming::KeepUpper => (self.fresh_id()?, parent.id),
        };
        let child = |id, range, estimates| ShardRecord {
            id,
            range,
            state,
            leader: parent.leader,
            replicas: parent.replicas.clone(),
            estimates,
            created: if id == parent.id { parent.created } else { updated },
            updated,
            version,
            epoch,
        };
        let children =
            [child(lower, lower_range, lower_estimates), child(upper, upper_range, upper_estimates)];
        self.replace(std::slice::from_ref(parent), &children);
        self.pass(parent);
        Ok(Outcome::Split(Halves { parent: parent.id, lower, upper }))
    }
}
