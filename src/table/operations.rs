//! The operations under way, and the rule by which they exclude each other: a shard is part of one at most, and while it
//! is, only estimates, times and the operation's own end may change it.

use std::sync::Arc;

use im::OrdMap;
use im::ordmap::DiffItem;

use super::digest::Sum;
use super::draft::Draft;
use super::merge::join;
use crate::change::{Operation, OperationKind, Outcome};
use crate::error::Error;
use crate::shard::{ShardId, ShardRecord, ShardState};

/// Every operation under each of its shards.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Operations {
    by_shard: OrdMap<ShardId, Arc<Operation>>,
    sum: Sum,
}

impl Operations {
    pub(super) fn on(&self, shard: ShardId) -> Option<&Operation> {
        self.by_shard.get(&shard).map(|operation| &**operation)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.by_shard
            .iter()
            .filter(|(id, operation)| operation.shard() == **id)
            .map(|(_, operation)| &**operation)
    }

    /// Puts in an operation whose shards are part of no other.
    pub(super) fn insert(&mut self, operation: Operation) {
        self.sum.add(&operation);
        let operation = Arc::new(operation);
        for shard in operation.shards() {
            self.by_shard.insert(shard, Arc::clone(&operation));
        }
    }

    /// Puts a later form of an operation in the place of the one that is there.
    pub(super) fn replace(&mut self, before: &Operation, after: Operation) {
        self.remove(before);
        self.insert(after);
    }

    /// Takes out an operation that is there.
    pub(super) fn remove(&mut self, operation: &Operation) {
        self.sum.remove(operation);
        for shard in operation.shards() {
            self.by_shard.remove(&shard);
        }
    }

    /// What all operations add up to.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// Which operations of this version are not in a newer one, and which of the newer one are not in this.
    pub(super) fn diff<'o>(&'o self, newer: &'o Self) -> (Vec<&'o Operation>, Vec<&'o Operation>) {
        let (mut ended, mut begun) = (Vec::new(), Vec::new());
        for difference in self.by_shard.diff(&newer.by_shard) {
            let (old, new) = match difference {
                DiffItem::Add(id, operation) => (None, Some((id, operation))),
                DiffItem::Update { old, new } => (Some(old), Some(new)),
                DiffItem::Remove(id, operation) => (Some((id, operation)), None),
            };
            // A merge is there under both of its shards.
            let is_first = |(id, operation): &(&ShardId, &Arc<Operation>)| operation.shard() == **id;
            ended.extend(old.filter(is_first).map(|(_, operation)| &**operation));
            begun.extend(new.filter(is_first).map(|(_, operation)| &**operation));
        }
        (ended, begun)
    }

    /// How many shards are part of an operation.
    pub(super) fn shards(&self) -> usize {
        self.by_shard.len()
    }
}

/// The state that a shard is in while an operation is under way on it, if it is not one that it can be in by itself.
pub(super) fn state_under(kind: OperationKind) -> Option<ShardState> {
    match kind {
        OperationKind::Split => Some(ShardState::Splitting),
        OperationKind::Merge => Some(ShardState::Merging),
        OperationKind::Transfer => Some(ShardState::Transferring),
        OperationKind::Relocation => None,
    }
}

impl Draft<'_> {
    /// The shard, if no operation is under way on it.
    pub(super) fn idle(&self, shard: ShardId) -> Result<ShardRecord, Error> {
        let record = self.record(shard)?;
        match self.table.operations.on(shard) {
            Some(operation) => Err(Error::OperationUnderWay { shard, kind: operation.kind() }),
            None => Ok(record),
        }
    }

    /// Puts an operation under way: every shard of it, which is idle, takes the state that goes with it.
    pub(super) fn begin(&mut self, operation: Operation) -> Result<Outcome, Error> {
        let (kind, shard) = (operation.kind(), operation.shard());
        for id in operation.shards() {
            let record = self.idle(id)?;
            self.set_state(&record, state_under(kind).unwrap_or(record.state))?;
        }
        self.table.operations.insert(operation);
        Ok(Outcome::Began { kind, shard })
    }

    /// The operation of this kind on the shard.
    pub(super) fn under_way(&self, shard: ShardId, expected: OperationKind) -> Result<Operation, Error> {
        self.record(shard)?;
        match self.table.operations.on(shard) {
            Some(operation) if operation.kind() == expected => Ok(operation.clone()),
            found => Err(Error::NoOperation { shard, expected, found: found.map(Operation::kind) }),
        }
    }

    /// Ends an operation by doing what it was begun for. Its shards are active afterwards.
    pub(super) fn commit(&mut self, shard: ShardId, kind: OperationKind) -> Result<Outcome, Error> {
        match self.end(shard, kind)? {
            Operation::Split { shard, at, naming, .. } => {
                self.divide(&self.record(shard)?, &at, naming, ShardState::Active)
            }
            Operation::Merge { lower, upper, naming, .. } => {
                let mut parents = [self.record(lower)?, self.record(upper)?];
                let range = join(&mut parents)?;
                self.unite(&parents, range, naming, ShardState::Active)
            }
            Operation::Transfer { shard, to, .. } => {
                self.hand_over(&self.record(shard)?, to, ShardState::Active)
            }
            Operation::Relocation { shard, from, to, phase, .. } => {
                Self::finish_relocation(shard, (from, to), phase)
            }
        }
    }

    /// Ends an operation without effect.
    pub(super) fn abort(&mut self, shard: ShardId, kind: OperationKind) -> Result<Outcome, Error> {
        let operation = self.end(shard, kind)?;
        if let Operation::Relocation { phase, .. } = operation {
            self.undo_relocation(shard, phase)?;
        } else {
            for id in operation.shards() {
                self.set_state(&self.record(id)?, ShardState::Active)?;
            }
        }
        Ok(Outcome::Aborted { kind, shard: operation.shard() })
    }

    fn end(&mut self, shard: ShardId, kind: OperationKind) -> Result<Operation, Error> {
        let operation = self.under_way(shard, kind)?;
        self.table.operations.remove(&operation);
        Ok(operation)
    }

    fn set_state(&mut self, current: &ShardRecord, state: ShardState) -> Result<Outcome, Error> {
        let state = current.state.transition(state, current.id)?;
        self.amend(current, |next| {
            next.state = state;
            Ok(())
        })
    }

    /// To and from offline. To be in that state already is no error.
    pub(super) fn set_serving(&mut self, shard: ShardId, state: ShardState) -> Result<Outcome, Error> {
        self.set_state(&self.idle(shard)?, state)
    }
}
