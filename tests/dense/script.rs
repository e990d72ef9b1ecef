//! Changes from bytes: any bytes are a script of transactions. Ids, points and epochs come from small ranges, so that
//! changes meet each other's shards, sensible or not.

use super::{POINTS, key, range};
use shardway::{
    Change, Epoch, Estimates, Memory, Naming, Node, NodeId, NodeStatus, Operation, OperationKind, Phase,
    Progress, ShardId, ShardRecord, ShardState, Table, Timestamp,
};

/// Bytes to draw from; zeros at their end.
pub(crate) struct Script<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Script<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// The next transaction on a table, or `None` at the end of the script. One in many fills the table with shards, or
    /// empties it, so that it crosses the sizes of tree nodes.
    pub(crate) fn transaction(&mut self, table: &Table) -> Option<Vec<Change>> {
        let kind = *self.bytes.next()?;
        Some(match kind {
            0..24 => self.split_all(table),
            24..32 => merge_all(table),
            32..40 => self.relocation(table),
            _ => (0..=kind % 4).map(|_| self.change(table)).collect(),
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.bytes.len() == 0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % limit
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.bytes.next().copied().map_or(0, u64::from)
    }

    /// Mostly a shard that is there.
    fn shard(&mut self, table: &Table) -> ShardId {
        match self.below(16) {
            0 => ShardId(self.draw()),
            _ => self.shard_at(table).map_or(ShardId(1), |shard| shard.id()),
        }
    }

    fn shard_at<'t>(&mut self, table: &'t Table) -> Option<shardway::Shard<'t>> {
        table.owner(key(self.below(POINTS)))
    }

    fn node(&mut self) -> NodeId {
        NodeId(self.draw() % 5)
    }

    /// A node that holds the shard, mostly.
    fn holder(&mut self, table: &Table, shard: ShardId) -> NodeId {
        match table.shard(shard) {
            Some(shard) if self.below(4) > 0 => {
                let place = self.below(1 + shard.replicas().len());
                table.read_set(shard).nth(place).unwrap_or_else(|| self.node())
            }
            _ => self.node(),
        }
    }

    fn naming(&mut self) -> Naming {
        [Naming::Fresh, Naming::KeepLower, Naming::KeepUpper][self.below(3)]
    }

    /// A shard and its neighbour, mostly.
    fn pair(&mut self, table: &Table) -> (ShardId, ShardId) {
        let one = self.shard(table);
        let neighbour = match self.below(8) {
            0 => None,
            1..4 => table.previous(one),
            _ => table.next(one),
        };
        (one, neighbour.map_or_else(|| self.shard(table), |shard| shard.id()))
    }

    fn change(&mut self, table: &Table) -> Change {
        let change = self.action(table);
        let change = match self.below(3) {
            0 => change.at(Timestamp(self.draw())),
            _ => change,
        };
        let shard = self.shard(table);
        let seen = table.shard(shard);
        match self.below(24) {
            0 => change.if_revision(table.revision() + self.draw() % 2),
            1 => change.if_version(shard, seen.map_or(0, |seen| seen.version())),
            2 => change.if_epoch(shard, seen.map_or(Epoch::FIRST, |seen| seen.epoch())),
            _ => change,
        }
    }

    fn action(&mut self, table: &Table) -> Change {
        let shard = self.shard(table);
        match self.below(28) {
            0..3 => Change::split_naming(shard, key(self.below(POINTS)), self.naming()),
            3..6 => {
                let (one, other) = self.pair(table);
                Change::merge_naming(one, other, self.naming())
            }
            6 | 7 => Change::transfer(shard, self.node()),
            8 => Change::register(self.record(table)),
            9 | 10 => Change::update(self.edited(table)),
            11 => Change::remove(shard),
            12 => Change::report(shard, self.estimates()),
            13 => Change::take_offline(shard),
            14 => Change::bring_online(shard),
            15 => Change::add_replica(shard, self.node()),
            16 => Change::remove_replica(shard, self.node()),
            17 => Change::begin_split(shard, key(self.below(POINTS)), self.naming()),
            18 => {
                let (one, other) = self.pair(table);
                Change::begin_merge(one, other, self.naming())
            }
            19 => Change::begin_transfer(shard, self.node()),
            20 => {
                let progress = Progress::new(f64::from(u8::try_from(self.below(5)).unwrap_or(0)) / 4.0);
                Change::report_progress(self.busy_shard(table, |_| true), progress.unwrap_or_default())
            }
            21..24 => self.ending(table),
            _ => self.node_change(),
        }
    }

    /// To what is known beside shards.
    fn node_change(&mut self) -> Change {
        let node = self.node();
        match self.below(8) {
            0..3 => {
                let address = format!("host-{}", self.below(3));
                Change::put_node(Node::new(node, address).with_label("zone", ["a", "b"][self.below(2)]))
            }
            3..5 => {
                let status = [NodeStatus::Up, NodeStatus::Draining, NodeStatus::Down][self.below(3)];
                Change::set_status(node, status)
            }
            5..7 => Change::forget_node(node),
            _ => {
                let [passings, revisions] = [self.draw() * 4, self.draw()];
                Change::set_memory(Memory { passings, revisions })
            }
        }
    }

    /// A shard on which something of this kind is under way, if there is one.
    fn busy_shard(&mut self, table: &Table, is_asked: impl Fn(OperationKind) -> bool) -> ShardId {
        let asked = table.operations().filter(|operation| is_asked(operation.kind()));
        let busy: Vec<_> = asked.flat_map(Operation::shards).collect();
        match busy.len() {
            0 => self.shard(table),
            some => busy[self.below(some)],
        }
    }

    /// Some way along a relocation, from its beginning or from where it is; not always as it should go.
    fn relocation(&mut self, table: &Table) -> Vec<Change> {
        let shard = self.busy_shard(table, |kind| kind == OperationKind::Relocation);
        let (mut phase, mut changes) = match table.operation(shard) {
            Some(Operation::Relocation { phase, .. }) => (*phase, Vec::new()),
            _ => {
                let begin = Change::begin_relocation(shard, self.holder(table, shard), self.node());
                (Phase::WriteBothReadOld, vec![begin])
            }
        };
        let phases = [Phase::WriteBothReadOld, Phase::WriteBothReadNew, Phase::UseNew];
        for _ in 0..self.below(4) {
            let next = phases.into_iter().find(|next| *next > phase);
            changes.push(match (self.below(16), next) {
                (0, _) => Change::abort_relocation(shard),
                (1..4, _) => Change::step_relocation(shard, phases[self.below(3)]),
                (_, Some(next)) => {
                    phase = next;
                    Change::step_relocation(shard, next)
                }
                (_, None) => Change::commit_relocation(shard),
            });
        }
        changes
    }

    /// A commit or abort, mostly of something that is under way.
    fn ending(&mut self, table: &Table) -> Change {
        let shard = self.busy_shard(table, |_| true);
        let kind = table.operation(shard).map(|operation| operation.kind() as usize);
        let kind = if self.below(8) == 0 { self.below(4) } else { kind.unwrap_or(0) };
        let endings: [fn(ShardId) -> Change; 8] = [
            Change::commit_split,
            Change::commit_merge,
            Change::commit_transfer,
            Change::commit_relocation,
            Change::abort_split,
            Change::abort_merge,
            Change::abort_transfer,
            Change::abort_relocation,
        ];
        endings[kind + 4 * self.below(2)](shard)
    }

    fn estimates(&mut self) -> Estimates {
        let keys = match self.below(8) {
            0..3 => u64::MAX,
            _ => self.draw(),
        };
        Estimates { keys, bytes: self.draw() }
    }

    /// A record for a gap, if there is one, under an id that may be anything.
    fn record(&mut self, table: &Table) -> ShardRecord {
        let gaps: Vec<_> = table.gaps().collect();
        let range = match gaps.len() {
            0 => self.range(),
            some if self.below(8) > 0 => gaps[self.below(some)].clone(),
            _ => self.range(),
        };
        let mut record = ShardRecord::new(ShardId(self.draw()), range, self.node());
        record.epoch = Epoch { range: self.draw() % 16, members: self.draw() % 16 };
        record.version = self.draw() % 64;
        record.replicas = (0..self.below(3)).map(|_| self.node()).collect();
        record.state = ShardState::ALL[[0, 0, 0, 4, 1, 2, 3, 0][self.below(8)]];
        record.estimates = self.estimates();
        record
    }

    fn range(&mut self) -> shardway::KeyRange {
        let from = self.below(POINTS);
        range(from, from + 1 + self.below(POINTS - from))
    }

    /// The record of a shard, read and changed.
    fn edited(&mut self, table: &Table) -> ShardRecord {
        let Some(shard) = self.shard_at(table) else { return self.record(table) };
        let mut record = shard.to_record();
        match self.below(8) {
            0 => record.version += 1,
            1 => record.epoch.members += 1,
            2 => record.range = self.range(),
            3 => record.state = ShardState::ALL[self.below(5)],
            4 => record.leader = self.node(),
            5 => record.replicas.push(self.node()),
            6 => record.estimates = self.estimates(),
            _ => {}
        }
        record
    }

    /// Cuts the shard at some point into as many as it has points, up to a limit.
    fn split_all(&mut self, table: &Table) -> Vec<Change> {
        let Some(shard) = self.shard_at(table) else { return Vec::new() };
        let points = super::touched(&shard.range());
        let cuts = points.skip(1).take(1 + self.below(64));
        // Each cut but the first is in the upper part of the one before, which keeps the id.
        cuts.map(|point| Change::split_naming(shard.id(), key(point), Naming::KeepUpper)).collect()
    }
}

/// Merges every pair of neighbours from the front that the table would let merge.
fn merge_all(table: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut grown: Option<shardway::Shard<'_>> = None;
    for shard in table.shards() {
        let fits = grown.is_some_and(|grown| {
            (grown.leader(), grown.replicas(), grown.state())
                == (shard.leader(), shard.replicas(), shard.state())
                && table.previous(shard.id()).is_some_and(|before| before.range().is_adjacent(&shard.range()))
                && [grown.id(), shard.id()].iter().all(|id| table.operation(*id).is_none())
        });
        match grown {
            Some(first) if fits => {
                changes.push(Change::merge_naming(first.id(), shard.id(), Naming::KeepLower))
            }
            _ => grown = Some(shard),
        }
    }
    changes
}
