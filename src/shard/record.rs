//! All that is known of one shard, as data, and as a view into a table.

use std::fmt;

use super::{Epoch, Estimates, NodeId, Route, ShardId, ShardState, Timestamp, Token};
use crate::error::Error;
use crate::key::{KeyEnd, KeyRange};

/// All that is known of one shard, as plain data: what is registered, updated and serialised.
///
/// ```
/// use shardway::{KeyRange, NodeId, ShardId, ShardRecord};
///
/// let mut record = ShardRecord::new(ShardId(7), KeyRange::try_from("a".."m")?, NodeId(1));
/// record.replicas = vec![NodeId(2), NodeId(3)];
/// record.estimates.keys = 5_000;
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct ShardRecord {
    /// The name of the shard.
    pub id: ShardId,
    /// The keys that it owns.
    pub range: KeyRange,
    /// What it is doing.
    pub state: ShardState,
    /// The node that leads it.
    pub leader: NodeId,
    /// The nodes that hold a copy besides the leader. A set: a table keeps it in ascending order.
    pub replicas: Vec<NodeId>,
    /// What it is thought to hold.
    pub estimates: Estimates,
    /// When it came to be.
    pub created: Timestamp,
    /// When it was last reported on.
    pub updated: Timestamp,
    /// Grows with every change to the record, for optimistic concurrency.
    pub version: u64,
    /// Grows with every change to the range or the members.
    pub epoch: Epoch,
}

impl ShardRecord {
    /// An active shard without replicas, with empty estimates, at the first version and epoch and at time zero.
    #[must_use]
    pub fn new(id: ShardId, range: KeyRange, leader: NodeId) -> Self {
        Self {
            id,
            range,
            state: ShardState::Active,
            leader,
            replicas: Vec::new(),
            estimates: Estimates::default(),
            created: Timestamp::default(),
            updated: Timestamp::default(),
            version: 1,
            epoch: Epoch::FIRST,
        }
    }

    /// The answer that a look-up in the range of the shard gives.
    #[must_use]
    pub fn route(&self) -> Route {
        Route { shard: self.id, epoch: self.epoch, leader: self.leader, state: self.state }
    }

    pub(crate) fn details(&self) -> Details {
        let Self { estimates, created, updated, version, .. } = *self;
        Details { version, estimates, created, updated }
    }

    /// Brings the replicas in order, or says why they are no set of replicas beside the leader.
    pub(crate) fn settle_replicas(&mut self) -> Result<(), Error> {
        self.replicas.sort_unstable();
        let shard = self.id;
        if let Some(pair) = self.replicas.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::DuplicateReplica { shard, node: pair[0] });
        }
        match self.replicas.binary_search(&self.leader) {
            Ok(_) => Err(Error::LeaderAsReplica { shard, leader: self.leader }),
            Err(_) => Ok(()),
        }
    }

    /// Whether the replicas are as [`settle_replicas`](Self::settle_replicas) leaves them.
    pub(crate) fn has_settled_replicas(&self) -> bool {
        self.replicas.is_sorted_by(|one, next| one < next) && !self.replicas.contains(&self.leader)
    }

    /// Whether leader and replicas are the same.
    pub(crate) fn same_members(&self, other: &Self) -> bool {
        self.leader == other.leader && self.replicas == other.replicas
    }
}

/// What is known of a shard besides its range, its route and its replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Details {
    pub(crate) version: u64,
    pub(crate) estimates: Estimates,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// One shard as a table knows it: a view, cheap to pass on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shard<'t> {
    route: &'t Route,
    details: &'t Details,
    range: KeyRange<&'t [u8]>,
    replicas: &'t [NodeId],
}

impl<'t> Shard<'t> {
    pub(crate) fn new(
        route: &'t Route,
        details: &'t Details,
        range: KeyRange<&'t [u8]>,
        replicas: &'t [NodeId],
    ) -> Self {
        Self { route, details, range, replicas }
    }

    /// The name of the shard.
    #[must_use]
    pub fn id(self) -> ShardId {
        self.route.shard
    }

    /// The keys that it owns.
    #[must_use]
    pub fn range(self) -> KeyRange<&'t [u8]> {
        self.range
    }

    /// The first key that it owns.
    #[must_use]
    pub fn start(self) -> &'t [u8] {
        self.range.first_key()
    }

    /// Where the keys that it owns end.
    #[must_use]
    pub fn end(self) -> KeyEnd<&'t [u8]> {
        self.range.key_end()
    }

    /// What it is doing.
    #[must_use]
    pub fn state(self) -> ShardState {
        self.route.state
    }

    /// The node that leads it.
    #[must_use]
    pub fn leader(self) -> NodeId {
        self.route.leader
    }

    /// The nodes that hold a copy besides the leader, in ascending order.
    #[must_use]
    pub fn replicas(self) -> &'t [NodeId] {
        self.replicas
    }

    /// What it is thought to hold.
    #[must_use]
    pub fn estimates(self) -> Estimates {
        self.details.estimates
    }

    /// When it came to be.
    #[must_use]
    pub fn created(self) -> Timestamp {
        self.details.created
    }

    /// When it was last reported on.
    #[must_use]
    pub fn updated(self) -> Timestamp {
        self.details.updated
    }

    /// Grows with every change to the record.
    #[must_use]
    pub fn version(self) -> u64 {
        self.details.version
    }

    /// Grows with every change to the range or the members.
    #[must_use]
    pub fn epoch(self) -> Epoch {
        self.route.epoch
    }

    /// The answer that a look-up in the range of the shard gives.
    #[must_use]
    pub fn route(self) -> Route {
        *self.route
    }

    /// What a request by what is known of it here carries: its id and epoch.
    #[must_use]
    pub fn token(self) -> Token {
        self.route.token()
    }

    /// The whole record as owned data, for instance to change it and hand it to [`Change::update`](crate::Change::update).
    /// Allocates its keys and replicas.
    #[must_use]
    pub fn to_record(self) -> ShardRecord {
        let (route, Details { version, estimates, created, updated }) = (self.route, *self.details);
        ShardRecord {
            id: route.shard,
            range: self.range.to_key_range(),
            state: route.state,
            leader: route.leader,
            replicas: self.replicas.to_vec(),
            estimates,
            created,
            updated,
            version,
            epoch: route.epoch,
        }
    }
}

/// As the record would be shown.
impl fmt::Debug for Shard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_record().fmt(f)
    }
}

/// One line: id, range, state, members, epoch.
impl fmt::Display for Shard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} owns {}, epoch {}, {}, led by {}",
            self.id(),
            self.range(),
            self.epoch(),
            self.state(),
            self.leader()
        )?;
        for (place, replica) in self.replicas().iter().enumerate() {
            write!(f, "{} {}", if place == 0 { ", replicated by" } else { "," }, replica.0)?;
        }
        Ok(())
    }
}
