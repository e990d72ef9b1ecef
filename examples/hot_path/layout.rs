//! What any state of a routing table can be asked and told, whoever keeps it, and how a shardway [`Table`] answers. The
//! other one that does is in [`crate::model`].

use std::fmt;

use shardway::{Error, Key, KeyEnd, NodeId, Route, Shard, ShardId, ShardRecord, Table};

use crate::step::{Phase, Refused, Step};

/// Which shard owns what.
pub(crate) trait Layout: Sized {
    /// Takes shards in key order that own the whole keyspace together. Every kind of layout starts at the same revision.
    fn of(records: &[ShardRecord]) -> Result<Self, Error>;

    /// Grows by one with each step.
    fn revision(&self) -> u64;

    /// Of shards.
    fn count(&self) -> usize;

    /// The shard that owns `key`, and all that follow it in key order.
    fn sites_from(&self, key: &[u8]) -> impl Iterator<Item = Site<'_>>;

    /// The shard of this id, found by it alone.
    fn by_id(&self, id: ShardId) -> Option<Site<'_>>;

    fn carry_out(&mut self, step: &Step, phase: Phase) -> Result<(), Refused>;

    /// Checks that shards own every key, and each key once, and are known by their ids.
    fn verify_coverage(&self) -> Result<(), String> {
        let mut reached: Option<&[u8]> = Some(&[]);
        for site in self.sites_from(&[]) {
            if reached != Some(site.start) {
                return Err(format!("{site} does not start where the one before it ends"));
            }
            if self.by_id(site.route.shard).as_ref() != Some(&site) {
                return Err(format!("{site} is another one by its id"));
            }
            reached = site.end;
        }
        reached.map_or(Ok(()), |end| Err(format!("nobody owns the keys from {:?} on", Key::from(end))))
    }
}

/// One shard of a layout.
#[derive(PartialEq, Eq)]
pub(crate) struct Site<'l> {
    pub(crate) start: &'l [u8],
    /// `None` is unbounded.
    pub(crate) end: Option<&'l [u8]>,
    pub(crate) route: Route,
    /// In ascending order.
    pub(crate) replicas: &'l [NodeId],
}

impl Site<'_> {
    pub(crate) fn owns(&self, key: &[u8]) -> bool {
        self.start <= key && self.end.is_none_or(|end| key < end)
    }

    /// Whether both are on the same nodes, in the same roles.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        (self.route.leader, self.replicas) == (other.route.leader, other.replicas)
    }
}

impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (Key::from(self.start), self.end.map(Key::from));
        write!(f, "{}, from {start:?} to {end:?}, replicated by {:?}", self.route, self.replicas)
    }
}

impl<'t> From<Shard<'t>> for Site<'t> {
    fn from(shard: Shard<'t>) -> Self {
        let end = match shard.end() {
            KeyEnd::At(key) => Some(key),
            KeyEnd::Unbounded => None,
        };
        Site { start: shard.start(), end, route: shard.route(), replicas: shard.replicas() }
    }
}

impl Layout for Table {
    fn of(records: &[ShardRecord]) -> Result<Self, Error> {
        Self::from_records(records.iter().cloned())
    }

    fn revision(&self) -> u64 {
        self.revision()
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn sites_from(&self, key: &[u8]) -> impl Iterator<Item = Site<'_>> {
        self.range(key..).map(Site::from)
    }

    fn by_id(&self, id: ShardId) -> Option<Site<'_>> {
        self.shard(id).map(Site::from)
    }

    fn carry_out(&mut self, step: &Step, phase: Phase) -> Result<(), Refused> {
        (*self, _) = self.apply(&[step.to_change(phase)])?;
        Ok(())
    }
}
