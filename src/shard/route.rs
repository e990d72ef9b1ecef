//! The small answer to a look-up, and the small reasons for which there is none.

use std::fmt;

use super::{Epoch, NodeId, ShardId, ShardState};

/// Which shard owns a key and who leads it: the answer to a look-up, small and `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Route {
    /// The shard that owns the key.
    pub shard: ShardId,
    /// The epoch of the shard in the table that answered.
    pub epoch: Epoch,
    /// The node that leads the shard.
    pub leader: NodeId,
    /// What the shard is doing.
    pub state: ShardState,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at epoch {}, led by {}, {}", self.shard, self.epoch, self.leader, self.state)
    }
}

/// What a request wants to do with a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// To read it.
    Read,
    /// To write it.
    Write,
    /// To read it, from any node that holds a copy, however old that copy may be.
    FollowerRead,
    /// To write to one of the copies, as the leader or a coordinator asks of each node of the write set.
    FollowerWrite,
}

impl Access {
    /// Whether nodes other than the leader serve it.
    #[inline]
    pub(crate) const fn is_for_followers(self) -> bool {
        matches!(self, Self::FollowerRead | Self::FollowerWrite)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::FollowerRead => "reads from followers",
            Self::FollowerWrite => "writes to followers",
        })
    }
}

/// Why a look-up has no route to give. `Copy` and free of allocation: it is made on the hot path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The key lies in a gap.
    #[error("no shard owns the key")]
    NoOwner,
    /// The shard that owns the key is not in a state to serve the request.
    #[error("no {access} now: {route}")]
    NotServing {
        /// The shard that owns the key, for a retry or another replica.
        route: Route,
        /// What was asked of it.
        access: Access,
    },
    /// The node that leads the shard is marked as down.
    #[error("the leader is down: {route}")]
    LeaderDown {
        /// The shard that owns the key.
        route: Route,
    },
}
