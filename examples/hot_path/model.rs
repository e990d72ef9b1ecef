//! The independent model: a plain `BTreeMap` that splits, merges and transfers in the most naive way, with nothing of
//! shardway but its names and numbers. It judges what the router did, and behind a lock it is the rival.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use shardway::{Epoch, Error, NodeId, Refusal, Route, ShardId, ShardRecord, ShardState};

use crate::layout::{Layout, Site};
use crate::step::{Phase, Refused, Step};

/// Every shard under its first key; it ends where the next one starts.
pub(crate) struct Model {
    shards: BTreeMap<Vec<u8>, Kept>,
    starts: HashMap<ShardId, Vec<u8>>,
    last_id: u64,
    revision: u64,
}

#[derive(Clone)]
struct Kept {
    route: Route,
    replicas: Vec<NodeId>,
}

impl Model {
    pub(crate) fn resolve(&self, key: &[u8]) -> Result<Route, Refusal> {
        let upto_key = (Bound::Unbounded, Bound::Included(key));
        let owner = self.shards.range::<[u8], _>(upto_key).next_back();
        owner.map(|(_, kept)| kept.route).ok_or(Refusal::NoOwner)
    }

    fn find(&self, id: ShardId) -> Result<(&Vec<u8>, &Kept), Refused> {
        let entry = self.starts.get(&id).and_then(|start| self.shards.get_key_value(start));
        entry.ok_or_else(|| Refused::expected(format!("there is no {id}")))
    }

    /// Only what is active can be begun or done at once, and only what was begun can be committed.
    fn expect_state(&self, shards: &[ShardId], state: ShardState) -> Result<(), Refused> {
        for id in shards {
            let found = self.find(*id)?.1.route.state;
            expect(found == state, || format!("{id} is {found}, not {state}"))?;
        }
        Ok(())
    }

    fn expect_sense(&self, step: &Step) -> Result<(), Refused> {
        match step {
            Step::Split { shard, at } => {
                let site = self.by_id(*shard);
                let inside = site.is_some_and(|site| site.owns(at.as_bytes()) && site.start < at.as_bytes());
                expect(inside, || format!("{at:?} is not inside {shard}"))
            }
            Step::Merge { lower, upper } => {
                let matching = self
                    .by_id(*lower)
                    .zip(self.by_id(*upper))
                    .is_some_and(|(lower, upper)| lower.end == Some(upper.start) && lower.matches(&upper));
                expect(matching, || format!("{lower} and {upper} are no neighbours that match"))
            }
            Step::Transfer { shard, to } => {
                expect(self.find(*shard)?.1.route.leader != *to, || format!("{to} leads {shard} already"))
            }
        }
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::Split { shard, at } => self.split(*shard, at.as_bytes()),
            Step::Merge { lower, upper } => self.merge(*lower, *upper),
            Step::Transfer { shard, to } => self.transfer(*shard, *to),
        }
    }

    fn split(&mut self, shard: ShardId, at: &[u8]) {
        let Some((start, parent)) = self.take(shard) else { return };
        let epoch = Epoch { range: parent.route.epoch.range + 1, ..parent.route.epoch };
        self.put(start, epoch, parent.clone());
        self.put(at.into(), epoch, parent);
    }

    fn merge(&mut self, lower: ShardId, upper: ShardId) {
        let (Some((start, lower)), Some((_, upper))) = (self.take(lower), self.take(upper)) else { return };
        let (one, other) = (lower.route.epoch, upper.route.epoch);
        let epoch = Epoch { range: one.range.max(other.range) + 1, members: one.members.max(other.members) };
        self.put(start, epoch, lower);
    }

    fn transfer(&mut self, shard: ShardId, to: NodeId) {
        self.alter(shard, |kept| {
            let from = std::mem::replace(&mut kept.route.leader, to);
            kept.route.epoch.members += 1;
            kept.route.state = ShardState::Active;
            if let Some(replica) = kept.replicas.iter_mut().find(|replica| **replica == to) {
                *replica = from;
            }
            kept.replicas.sort_unstable();
        });
    }

    fn take(&mut self, id: ShardId) -> Option<(Vec<u8>, Kept)> {
        self.shards.remove_entry(&self.starts.remove(&id)?)
    }

    /// A shard like `parent`, active, under the next id.
    fn put(&mut self, start: Vec<u8>, epoch: Epoch, mut parent: Kept) {
        self.last_id += 1;
        let id = ShardId(self.last_id);
        parent.route = Route { shard: id, epoch, state: ShardState::Active, ..parent.route };
        self.starts.insert(id, start.clone());
        self.shards.insert(start, parent);
    }

    fn alter(&mut self, id: ShardId, change: impl FnOnce(&mut Kept)) {
        if let Some(kept) = self.starts.get(&id).and_then(|start| self.shards.get_mut(start)) {
            change(kept);
        }
    }
}

impl Layout for Model {
    fn of(records: &[ShardRecord]) -> Result<Self, Error> {
        let keep = |record: &ShardRecord| {
            let mut replicas = record.replicas.clone();
            replicas.sort_unstable();
            (record.range.start().to_vec(), Kept { route: record.route(), replicas })
        };
        let name = |record: &ShardRecord| (record.id, record.range.start().to_vec());
        Ok(Self {
            shards: records.iter().map(keep).collect(),
            starts: records.iter().map(name).collect(),
            last_id: records.iter().map(|record| record.id.0).max().unwrap_or_default(),
            revision: 1,
        })
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn count(&self) -> usize {
        self.shards.len()
    }

    fn sites_from(&self, key: &[u8]) -> impl Iterator<Item = Site<'_>> {
        let upto_key = (Bound::Unbounded, Bound::Included(key));
        let owner = self.shards.range::<[u8], _>(upto_key).next_back();
        let from_owner = owner.map_or(Bound::Unbounded, |(start, _)| Bound::Included(start.as_slice()));
        let run = self.shards.range::<[u8], _>((from_owner, Bound::Unbounded));
        let ends = run.clone().skip(1).map(|(start, _)| Some(start.as_slice())).chain([None]);
        run.zip(ends).map(|((start, kept), end)| Site {
            start,
            end,
            route: kept.route,
            replicas: &kept.replicas,
        })
    }

    fn by_id(&self, id: ShardId) -> Option<Site<'_>> {
        self.sites_from(self.starts.get(&id)?).next()
    }

    fn carry_out(&mut self, step: &Step, phase: Phase) -> Result<(), Refused> {
        let shards = step.shards();
        self.expect_state(&shards, if phase == Phase::Commit { step.fence() } else { ShardState::Active })?;
        self.expect_sense(step)?;
        if phase == Phase::Begin {
            shards.iter().for_each(|id| self.alter(*id, |kept| kept.route.state = step.fence()));
        } else {
            self.perform(step);
        }
        self.revision += 1;
        Ok(())
    }
}

fn expect(holds: bool, why: impl FnOnce() -> String) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::expected(why())) }
}
