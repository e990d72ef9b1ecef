//! The nodes with their data, and the gateway's way to them. A node looks at the table and at its data under one lock, which is
//! what a real one does by its own means: a shard does not leave between the two.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shardway::{Access, Denial, Error, KeyRange, NodeId, Reader, Router, Shard, Token};

use super::Failure;

pub(crate) const NODES: u64 = 4;

pub(crate) type Data = BTreeMap<String, u64>;

pub(crate) struct Cluster {
    pub(crate) router: Router,
    nodes: Vec<Mutex<Data>>,
}

/// What goes over the wire with a request, beside the key.
#[derive(Clone)]
pub(crate) struct Belief {
    pub(crate) range: KeyRange,
    pub(crate) leader: NodeId,
    pub(crate) token: [u8; Token::BYTES],
}

pub(crate) enum Reply {
    Value(Option<u64>),
    /// Who owns what was asked for.
    Stale(Vec<Belief>),
    /// It is about to move.
    Fenced,
}

impl Belief {
    pub(crate) fn of(shard: Shard<'_>) -> Self {
        let route = shard.route();
        Self { range: shard.range().to_key_range(), leader: route.leader, token: route.token().to_bytes() }
    }
}

impl Cluster {
    pub(crate) fn new() -> Result<Self, Error> {
        let router = Router::whole(NodeId(0));
        Ok(Self { router, nodes: (0..NODES).map(|_| Mutex::default()).collect() })
    }

    pub(crate) fn lock(&self, node: NodeId) -> MutexGuard<'_, Data> {
        let node = usize::try_from(node.0).expect("nodes are few");
        self.nodes[node].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One for each connection.
pub(crate) struct Gateway<'c> {
    cluster: &'c Cluster,
    reader: Reader,
}

impl<'c> Gateway<'c> {
    pub(crate) fn new(cluster: &'c Cluster) -> Self {
        Self { cluster, reader: cluster.router.reader() }
    }

    /// The whole table, for who begins.
    pub(crate) fn load(&mut self) -> Vec<Belief> {
        self.reader.table().shards().map(Belief::of).collect()
    }

    /// Takes a request to the node that its sender believes in.
    pub(crate) fn ask(&mut self, belief: &Belief, key: &str, write: Option<u64>) -> Result<Reply, Failure> {
        let token = Token::from_bytes(&belief.token)?;
        let access = if write.is_some() { Access::Write } else { Access::Read };
        let mut data = self.cluster.lock(belief.leader);
        match self.reader.admit(belief.leader, token, key, access) {
            Ok(_) => Ok(Reply::Value(match write {
                Some(value) => data.insert(key.into(), value),
                None => data.get(key).copied(),
            })),
            Err(Denial::Stale { current }) => Ok(Reply::Stale(current.map(Belief::of).collect())),
            Err(Denial::NotServing { .. }) => Ok(Reply::Fenced),
            // Tokens count each change of leader, and all see the same table.
            Err(other) => Err(other.to_string().into()),
        }
    }
}
