//! The model that the table is held against: a keyspace of a hundred points with one owner a point, no ranges, no trees,
//! no sharing, and every rule written out once more in the plainest way. [`script`] makes changes for both,
//! [`relocation`] is what it says of them. [`check`] compares them, [`follow`] versions of a table with one another, and
//! [`tokens`] what a table says of old tokens with what their points say; [`known`] is what a client knows.

pub(crate) mod check;
pub(crate) mod follow;
pub(crate) mod known;
mod relocation;
pub(crate) mod script;
pub(crate) mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use shardway::{
    Action, AsKeyRange, Change, Epoch, Expectation, Floor, Halves, Key, KeyEnd, KeyRange, Memory, Naming,
    Node, NodeId, Operation, OperationKind, Outcome, Progress, ShardId, ShardRecord, ShardState, Timestamp,
};

/// How many points the keyspace of the model has. Enough to fill several nodes of a tree.
pub(crate) const POINTS: usize = 100;

/// The least key at a point: the empty key is the first.
pub(crate) fn key(point: usize) -> Key {
    match u8::try_from(point) {
        Ok(0) => Key::empty(),
        Ok(byte) => Key::from([byte]),
        Err(_) => unreachable!("points are few"),
    }
}

/// The keys from one point to another; [`POINTS`] is the end of the keyspace.
pub(crate) fn range(from: usize, to: usize) -> KeyRange {
    let end = if to == POINTS { KeyEnd::Unbounded } else { KeyEnd::At(key(to)) };
    KeyRange::new(key(from), end).expect("points in order")
}

fn point(key: &[u8]) -> usize {
    key.first().map_or(0, |byte| usize::from(*byte))
}

/// The name of the variant of an error that a refusal is expected to be.
pub(crate) type Refused = &'static str;

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Dense {
    pub(crate) owner: Vec<Option<ShardId>>,
    /// The records, with ranges that are of no account: `owner` says what they own.
    shards: BTreeMap<ShardId, ShardRecord>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) revision: u64,
    pub(crate) next_id: u64,
    pub(crate) floor: Floor,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) memory: Memory,
    now: Option<Timestamp>,
}

impl Dense {
    pub(crate) fn empty() -> Self {
        Self {
            owner: vec![None; POINTS],
            shards: BTreeMap::new(),
            operations: Vec::new(),
            revision: 1,
            next_id: 1,
            floor: Floor::default(),
            nodes: BTreeMap::new(),
            memory: Memory::default(),
            now: None,
        }
    }

    pub(crate) fn whole(leader: NodeId) -> Self {
        let mut dense = Self::empty();
        dense.put(ShardRecord::new(ShardId(1), KeyRange::full(), leader), 0..POINTS);
        dense.next_id = 2;
        dense
    }

    /// What the record of a shard should be.
    pub(crate) fn record(&self, id: ShardId) -> Option<ShardRecord> {
        let mut record = self.shards.get(&id)?.clone();
        let points = self.points(id);
        record.range = range(points.start, points.end);
        Some(record)
    }

    /// All records in key order.
    pub(crate) fn records(&self) -> Vec<ShardRecord> {
        let mut ids: Vec<_> = self.owner.iter().flatten().copied().collect();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.record(id)).collect()
    }

    /// The parts of the keyspace without an owner.
    pub(crate) fn gaps(&self) -> Vec<KeyRange> {
        let mut gaps = Vec::new();
        let mut from = 0;
        for to in 0..=POINTS {
            if to == POINTS || self.owner[to].is_some() {
                if from < to {
                    gaps.push(range(from, to));
                }
                from = to + 1;
            }
        }
        gaps
    }

    /// All changes or none.
    pub(crate) fn apply(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, (usize, Refused)> {
        let mut next = self.clone();
        let mut outcomes = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            outcomes.push(next.step(change).map_err(|refused| (place, refused))?);
        }
        if outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged) {
            next.revision += 1;
        }
        *self = next;
        Ok(outcomes)
    }

    fn step(&mut self, change: &Change) -> Result<Outcome, Refused> {
        self.now = change.at;
        for expectation in &change.expect {
            match *expectation {
                Expectation::Revision(revision) => ensure(self.revision == revision, "StaleRevision")?,
                Expectation::Version { shard, version } => {
                    ensure(self.get(shard)?.version == version, "StaleVersion")?;
                }
                Expectation::Epoch { shard, epoch } => ensure(self.get(shard)?.epoch == epoch, "StaleEpoch")?,
                _ => unreachable!("an expectation that the model does not know"),
            }
        }
        match change.action.clone() {
            Action::Register(record) => self.register(*record),
            Action::Update(record) => self.update(*record),
            Action::Remove { shard } => {
                let gone = self.idle(shard)?;
                self.retire(&gone);
                self.mark_gone(&[gone], &[]);
                Ok(Outcome::Removed { shard })
            }
            Action::Report { shard, estimates } => self.amend(shard, |record| record.estimates = estimates),
            Action::TakeOffline { shard } => self.serve(shard, ShardState::Offline),
            Action::BringOnline { shard } => self.serve(shard, ShardState::Active),
            Action::AddReplica { shard, node } => {
                let record = self.idle(shard)?;
                ensure(!record.replicas.contains(&node), "DuplicateReplica")?;
                ensure(record.leader != node, "LeaderAsReplica")?;
                self.amend(shard, |record| record.replicas.push(node))
            }
            Action::RemoveReplica { shard, node } => {
                let record = self.idle(shard)?;
                ensure(record.leader != node, "RemovesLeader")?;
                ensure(record.replicas.contains(&node), "NoSuchReplica")?;
                self.amend(shard, |record| record.replicas.retain(|replica| *replica != node))
            }
            Action::Split { shard, at, naming } => {
                let state = self.idle(shard)?.state;
                self.split(shard, point(at.as_bytes()), naming, state)
            }
            Action::BeginSplit { shard, at, naming } => {
                self.idle(shard)?;
                self.expect_inside(shard, point(at.as_bytes()))?;
                self.begin(Operation::Split { shard, at, naming, began: self.now }, ShardState::Splitting)
            }
            Action::Merge { shards: (one, other), naming } => {
                let state = self.idle(one)?.state;
                self.idle(other)?;
                let (lower, upper) = self.pair(one, other)?;
                self.merge(lower, upper, naming, state)
            }
            Action::BeginMerge { shards: (one, other), naming } => {
                self.idle(one)?;
                self.idle(other)?;
                let (lower, upper) = self.pair(one, other)?;
                self.begin(Operation::Merge { lower, upper, naming, began: self.now }, ShardState::Merging)
            }
            Action::Transfer { shard, to } => {
                let record = self.idle(shard)?;
                ensure(record.leader != to, "AlreadyLeader")?;
                self.transfer(shard, to, record.state)
            }
            Action::BeginTransfer { shard, to } => {
                let from = self.idle(shard)?.leader;
                ensure(from != to, "AlreadyLeader")?;
                let (progress, began) = (Progress::NONE, self.now);
                let transfer = Operation::Transfer { shard, from, to, progress, began, reported: None };
                self.begin(transfer, ShardState::Transferring)
            }
            Action::ReportProgress { shard, progress } => {
                let relocation = self.under_way(shard, OperationKind::Relocation);
                let old = relocation.or_else(|_| self.under_way(shard, OperationKind::Transfer))?;
                let mut new = old.clone();
                if let Operation::Transfer { progress: done, reported, .. }
                | Operation::Relocation { progress: done, reported, .. } = &mut new
                {
                    *done = progress;
                    *reported = self.now.or(*reported);
                }
                if new == old {
                    return Ok(Outcome::Unchanged);
                }
                self.operations.retain(|operation| *operation != old);
                self.operations.push(new);
                Ok(Outcome::Progressed { shard })
            }
            Action::CommitSplit { shard } => self.commit(shard, OperationKind::Split),
            Action::CommitMerge { shard } => self.commit(shard, OperationKind::Merge),
            Action::CommitTransfer { shard } => self.commit(shard, OperationKind::Transfer),
            Action::AbortSplit { shard } => self.abort(shard, OperationKind::Split),
            Action::AbortMerge { shard } => self.abort(shard, OperationKind::Merge),
            Action::AbortTransfer { shard } => self.abort(shard, OperationKind::Transfer),
            Action::BeginRelocation { shard, from, to } => self.begin_relocation(shard, from, to),
            Action::StepRelocation { shard, phase } => self.step_relocation(shard, phase),
            Action::CommitRelocation { shard } => self.commit(shard, OperationKind::Relocation),
            Action::AbortRelocation { shard } => self.abort(shard, OperationKind::Relocation),
            Action::PutNode(node) => Ok(self.put_node(*node)),
            Action::SetStatus { node, status } => {
                let node = self.nodes.get(&node).ok_or("NoSuchNode")?.clone();
                Ok(self.put_node(Node { status, ..node }))
            }
            Action::ForgetNode { node } => {
                ensure(self.nodes.contains_key(&node), "NoSuchNode")?;
                let holds = |record: &ShardRecord| record.leader == node || record.replicas.contains(&node);
                ensure(!self.shards.values().any(holds) && !self.is_relocating(node), "NodeInUse")?;
                self.nodes.remove(&node);
                Ok(Outcome::NodeForgotten { node })
            }
            Action::SetMemory(memory) if memory == self.memory => Ok(Outcome::Unchanged),
            Action::SetMemory(memory) => {
                self.memory = memory;
                Ok(Outcome::MemorySet)
            }
            _ => unreachable!("an action that the model does not know"),
        }
    }

    fn put_node(&mut self, node: Node) -> Outcome {
        let id = node.id;
        match self.nodes.insert(id, node.clone()) {
            Some(before) if before == node => Outcome::Unchanged,
            _ => Outcome::NodeKnown { node: id },
        }
    }

    fn register(&mut self, mut record: ShardRecord) -> Result<Outcome, Refused> {
        let id = record.id;
        ensure(!self.shards.contains_key(&id), "ShardExists")?;
        let points = point(record.range.start())..record.range.end().key().map_or(POINTS, point);
        ensure(self.owner[points.clone()].iter().all(Option::is_none), "Overlap")?;
        ensure(is_restful(record.state), "NeedsOperation")?;
        expect_set(&record)?;
        let Floor { epoch, version } = self.floor;
        let unseen = record.epoch.range > epoch.range && record.version > version;
        ensure(id.0 >= self.next_id || unseen && record.epoch.members >= epoch.members, "ReusedId")?;
        ensure(id.0 < u64::MAX, "Exhausted")?;
        self.next_id = self.next_id.max(id.0 + 1);
        if let Some(now) = self.now {
            (record.created, record.updated) = (now, now);
        }
        self.put(record, points);
        Ok(Outcome::Registered { shard: id })
    }

    fn update(&mut self, new: ShardRecord) -> Result<Outcome, Refused> {
        let old = self.get(new.id)?;
        ensure(old.version == new.version, "StaleVersion")?;
        ensure(old.epoch == new.epoch, "StaleEpoch")?;
        let points = self.points(new.id);
        ensure(new.range == range(points.start, points.end), "RangeChanged")?;
        expect_set(&new)?;
        if members(&old) != members(&new) || old.state != new.state {
            self.idle(new.id)?;
            ensure(is_restful(new.state), "NeedsOperation")?;
        }
        self.amend(new.id, |record| *record = new)
    }

    fn serve(&mut self, shard: ShardId, state: ShardState) -> Result<Outcome, Refused> {
        self.idle(shard)?;
        self.amend(shard, |record| record.state = state)
    }

    fn expect_inside(&self, shard: ShardId, at: usize) -> Result<(), Refused> {
        let points = self.points(shard);
        ensure(points.start < at && at < points.end, "SplitKeyOutside")
    }

    fn split(
        &mut self,
        shard: ShardId,
        at: usize,
        naming: Naming,
        state: ShardState,
    ) -> Result<Outcome, Refused> {
        self.expect_inside(shard, at)?;
        let (parent, points) = (self.get(shard)?, self.points(shard));
        let (lower, upper) = match naming {
            Naming::Fresh => (self.fresh(), self.fresh()),
            Naming::KeepLower => (shard, self.fresh()),
            Naming::KeepUpper => (self.fresh(), shard),
        };
        self.retire(&parent);
        for (id, points) in [(lower, points.start..at), (upper, at..points.end)] {
            let half = |whole: u64| if id == lower { whole / 2 } else { whole - whole / 2 };
            let mut child = parent.clone();
            (child.id, child.state) = (id, state);
            child.estimates.keys = half(parent.estimates.keys);
            child.estimates.bytes = half(parent.estimates.bytes);
            child.epoch.range += 1;
            child.version += 1;
            child.updated = self.now.unwrap_or(parent.updated);
            if id != shard {
                child.created = child.updated;
            }
            self.put(child, points);
        }
        self.mark_gone(&[parent], &[lower, upper]);
        Ok(Outcome::Split(Halves { parent: shard, lower, upper }))
    }

    /// The two in key order, if they may merge.
    fn pair(&self, one: ShardId, other: ShardId) -> Result<(ShardId, ShardId), Refused> {
        let in_order = self.points(one).start <= self.points(other).start;
        let (lower, upper) = if in_order { (one, other) } else { (other, one) };
        ensure(self.points(lower).end == self.points(upper).start, "NotNeighbours")?;
        let (low, up) = (self.get(lower)?, self.get(upper)?);
        ensure(low.leader == up.leader, "DifferentLeaders")?;
        ensure(members(&low) == members(&up), "DifferentReplicas")?;
        ensure(low.state == up.state, "DifferentStates")?;
        Ok((lower, upper))
    }

    fn merge(
        &mut self,
        lower: ShardId,
        upper: ShardId,
        naming: Naming,
        state: ShardState,
    ) -> Result<Outcome, Refused> {
        let (low, up) = (self.get(lower)?, self.get(upper)?);
        let into = match naming {
            Naming::Fresh => self.fresh(),
            Naming::KeepLower => lower,
            Naming::KeepUpper => upper,
        };
        let add = |one: u64, other: u64| one.checked_add(other).ok_or("EstimatesOverflow");
        let mut child = low.clone();
        (child.id, child.state) = (into, state);
        child.estimates.keys = add(low.estimates.keys, up.estimates.keys)?;
        child.estimates.bytes = add(low.estimates.bytes, up.estimates.bytes)?;
        child.epoch = Epoch {
            range: low.epoch.range.max(up.epoch.range) + 1,
            members: low.epoch.members.max(up.epoch.members),
        };
        child.version = low.version.max(up.version) + 1;
        child.updated = self.now.unwrap_or(low.updated.max(up.updated));
        child.created = match naming {
            Naming::Fresh => child.updated,
            Naming::KeepLower => low.created,
            Naming::KeepUpper => up.created,
        };
        let points = self.points(lower).start..self.points(upper).end;
        self.retire(&low);
        self.retire(&up);
        self.put(child, points);
        self.mark_gone(&[low, up], &[into]);
        Ok(Outcome::Merged { lower, upper, into })
    }

    fn transfer(&mut self, shard: ShardId, to: NodeId, state: ShardState) -> Result<Outcome, Refused> {
        let from = self.get(shard)?.leader;
        self.amend(shard, |record| {
            record.state = state;
            record.leader = to;
            if record.replicas.contains(&to) {
                record.replicas.retain(|replica| *replica != to);
                record.replicas.push(from);
            }
        })?;
        Ok(Outcome::Transferred { shard, from, to })
    }

    fn begin(&mut self, operation: Operation, state: ShardState) -> Result<Outcome, Refused> {
        for shard in operation.shards() {
            ensure(self.get(shard)?.state == ShardState::Active, "IllegalTransition")?;
            self.amend(shard, |record| record.state = state)?;
        }
        let outcome = Outcome::Began { kind: operation.kind(), shard: operation.shard() };
        self.operations.push(operation);
        Ok(outcome)
    }

    fn under_way(&self, shard: ShardId, kind: OperationKind) -> Result<Operation, Refused> {
        self.get(shard)?;
        let mut all = self.operations.iter();
        let found =
            all.find(|operation| operation.shards().any(|id| id == shard) && operation.kind() == kind);
        found.cloned().ok_or("NoOperation")
    }

    fn end(&mut self, shard: ShardId, kind: OperationKind) -> Result<Operation, Refused> {
        let operation = self.under_way(shard, kind)?;
        self.operations.retain(|other| *other != operation);
        Ok(operation)
    }

    fn commit(&mut self, shard: ShardId, kind: OperationKind) -> Result<Outcome, Refused> {
        match self.end(shard, kind)? {
            relocation @ Operation::Relocation { .. } => Self::finish_relocation(&relocation),
            Operation::Split { at, naming, .. } => {
                self.split(shard, point(at.as_bytes()), naming, ShardState::Active)
            }
            Operation::Merge { lower, upper, naming, .. } => {
                self.merge(lower, upper, naming, ShardState::Active)
            }
            Operation::Transfer { to, .. } => self.transfer(shard, to, ShardState::Active),
            _ => unreachable!("an operation that the model does not know"),
        }
    }

    fn abort(&mut self, shard: ShardId, kind: OperationKind) -> Result<Outcome, Refused> {
        let operation = self.end(shard, kind)?;
        if let Operation::Relocation { phase, .. } = operation {
            return self.undo_relocation(shard, phase);
        }
        for id in operation.shards() {
            self.amend(id, |record| record.state = ShardState::Active)?;
        }
        Ok(Outcome::Aborted { kind, shard: operation.shard() })
    }

    fn amend(&mut self, shard: ShardId, change: impl FnOnce(&mut ShardRecord)) -> Result<Outcome, Refused> {
        let old = self.get(shard)?;
        let mut new = old.clone();
        change(&mut new);
        new.replicas.sort();
        new.range = old.range.clone();
        new.updated = self.now.unwrap_or(new.updated);
        if new == old {
            return Ok(Outcome::Unchanged);
        }
        new.version += 1;
        new.epoch.members += u64::from(members(&new) != members(&old));
        let version = new.version;
        self.shards.insert(shard, new);
        Ok(Outcome::Updated { shard, version })
    }

    fn get(&self, shard: ShardId) -> Result<ShardRecord, Refused> {
        self.shards.get(&shard).cloned().ok_or("NoSuchShard")
    }

    fn idle(&self, shard: ShardId) -> Result<ShardRecord, Refused> {
        let record = self.get(shard)?;
        let mut shards = self.operations.iter().flat_map(Operation::shards);
        ensure(!shards.any(|id| id == shard), "OperationUnderWay")?;
        Ok(record)
    }

    fn points(&self, shard: ShardId) -> std::ops::Range<usize> {
        let mut points = (0..POINTS).filter(|point| self.owner[*point] == Some(shard));
        let first = points.next().expect("a shard owns a point");
        first..points.next_back().unwrap_or(first) + 1
    }

    fn put(&mut self, record: ShardRecord, points: std::ops::Range<usize>) {
        self.owner[points].fill(Some(record.id));
        let mut record = record;
        record.replicas.sort();
        self.shards.insert(record.id, record);
    }

    fn retire(&mut self, record: &ShardRecord) {
        let points = self.points(record.id);
        self.owner[points].fill(None);
        self.shards.remove(&record.id);
    }

    /// The shards that do not live on under their id raise the floor.
    fn mark_gone(&mut self, parents: &[ShardRecord], children: &[ShardId]) {
        for parent in parents.iter().filter(|parent| !children.contains(&parent.id)) {
            let Floor { epoch, version } = &mut self.floor;
            epoch.range = epoch.range.max(parent.epoch.range);
            epoch.members = epoch.members.max(parent.epoch.members);
            *version = parent.version.max(*version);
        }
    }

    fn fresh(&mut self) -> ShardId {
        self.next_id += 1;
        ShardId(self.next_id - 1)
    }
}

fn members(record: &ShardRecord) -> (NodeId, BTreeSet<NodeId>) {
    (record.leader, record.replicas.iter().copied().collect())
}

fn is_restful(state: ShardState) -> bool {
    state == ShardState::Active || state == ShardState::Offline
}

fn expect_set(record: &ShardRecord) -> Result<(), Refused> {
    let (leader, replicas) = members(record);
    ensure(replicas.len() == record.replicas.len(), "DuplicateReplica")?;
    ensure(!replicas.contains(&leader), "LeaderAsReplica")
}

fn ensure(holds: bool, refused: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(refused) }
}

/// The points that a question about a range of keys touches.
pub(crate) fn touched(range: &impl AsKeyRange) -> std::ops::Range<usize> {
    point(range.start())..range.end().key().map_or(POINTS, point)
}
