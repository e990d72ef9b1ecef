//! What the nodes hold, and how to wait until every request knows the newest table. In a cluster this is the part of the storage
//! engine and of the coordinator; here it is a map for each node and a lock that requests share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use shardway::{KeyRange, NodeId};

type Data = BTreeMap<String, u64>;

/// Requests in a phase, at least.
const SHARE: u64 = 500;

pub(crate) struct Copies {
    nodes: Vec<Mutex<Data>>,
    requests: RwLock<()>,
    /// Relaxed throughout: a count that orders nothing. What requests and phases must see of each other goes by the lock.
    served: AtomicU64,
}

impl Copies {
    pub(crate) fn new(nodes: u64) -> Self {
        Self {
            nodes: (0..nodes).map(|_| Mutex::default()).collect(),
            requests: RwLock::new(()),
            served: AtomicU64::new(0),
        }
    }

    /// A request goes by one table for as long as it has this.
    pub(crate) fn request(&self) -> RwLockReadGuard<'_, ()> {
        self.served.fetch_add(1, Ordering::Relaxed);
        self.requests.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once all requests that are under way have ended: those that come go by the newest table. And lets some come, so
    /// that each phase has its share.
    pub(crate) fn wait_for_all(&self) {
        drop(self.requests.write().unwrap_or_else(PoisonError::into_inner));
        let served = self.served.load(Ordering::Relaxed);
        while self.served.load(Ordering::Relaxed) < served + SHARE {
            std::thread::yield_now();
        }
    }

    pub(crate) fn with<T>(&self, node: NodeId, act: impl FnOnce(&mut Data) -> T) -> T {
        let node = usize::try_from(node.0).expect("nodes are few");
        act(&mut self.nodes[node].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was written to the new copy meanwhile is newer.
    pub(crate) fn copy(&self, from: NodeId, to: NodeId, range: &KeyRange) {
        let within = |data: &mut Data| {
            let entries = data.iter().filter(|(key, _)| range.contains(key));
            entries.map(|(key, value)| (key.clone(), *value)).collect::<Vec<_>>()
        };
        for (key, value) in self.with(from, within) {
            self.with(to, |data| {
                data.entry(key).or_insert(value);
            });
        }
    }

    pub(crate) fn drop_range(&self, node: NodeId, range: &KeyRange) {
        self.with(node, |data| data.retain(|key, _| !range.contains(key)));
    }
}
