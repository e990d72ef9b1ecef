//! The cluster that the client asks: a table, nodes that admit requests by it, a source to load from, and somebody who splits,
//! merges and moves shards.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::thread;

use shardway::{
    Access, Change, Denial, Error, KeyRange, Missing, NodeId, Reader, Router, ShardRecord, Token,
};

const NODES: u64 = 4;
const TURNS: u64 = 1_500;
/// More are merged again.
const MOST_SHARDS: usize = 64;

pub(crate) struct Cluster {
    router: Router,
    /// The parts that are being loaded, and how many were in all, and how many while another load of the same keys was under way.
    loads: Mutex<(Vec<KeyRange>, u64, u64)>,
}

pub(crate) enum Reply {
    Served,
    /// Who owns what was asked for.
    Stale(Vec<ShardRecord>),
    /// It is about to move.
    Later,
}

/// The way to all nodes, for one thread.
pub(crate) struct Nodes(Reader);

#[derive(Default)]
pub(crate) struct Changes {
    splits: u64,
    merges: u64,
    moves: u64,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self { router: Router::whole(NodeId(0)), loads: Mutex::default() }
    }

    pub(crate) fn nodes(&self) -> Nodes {
        Nodes(self.router.reader())
    }

    /// Who owns the key, and the two after it, as far as they are missing.
    pub(crate) fn load(&self, missing: &Missing) -> Result<Vec<ShardRecord>, Error> {
        let lock = || self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let (under_way, all, twice) = &mut *lock();
            *all += 1;
            *twice += u64::from(under_way.iter().any(|part| part.overlaps(&missing.part)));
            under_way.push(missing.part.clone());
        }
        // The way there and back.
        thread::yield_now();
        let table = self.router.snapshot();
        let found = table.range(&missing.key..).take(3).filter(|shard| shard.range().overlaps(&missing.part));
        let found = found.map(|shard| shard.to_record()).collect();
        lock().0.retain(|part| *part != missing.part);
        Ok(found)
    }

    pub(crate) fn loads(&self) -> (u64, u64) {
        let (_, all, twice) = &*self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        (*all, *twice)
    }

    pub(crate) fn rearrange(&self, keys: u64) -> Changes {
        let mut changes = Changes::default();
        for turn in 0..TURNS {
            let table = self.router.snapshot();
            let key = format!("user/{:06}", turn * 709 % keys);
            let Some(shard) = table.owner(&key) else { continue };
            let next = table.next(shard.id()).filter(|next| next.leader() == shard.leader());
            let (done, count) = match (turn % 3, next) {
                (0, _) if table.len() < MOST_SHARDS => {
                    (self.router.apply(Change::split(shard.id(), key)), &mut changes.splits)
                }
                (1, Some(next)) if table.len() > MOST_SHARDS / 2 => {
                    (self.router.apply(Change::merge(shard.id(), next.id())), &mut changes.merges)
                }
                _ => {
                    let to = NodeId((shard.leader().0 + 1) % NODES);
                    let begun = self.router.apply(Change::begin_transfer(shard.id(), to));
                    thread::yield_now();
                    (
                        begun.and_then(|_| self.router.apply(Change::commit_transfer(shard.id()))),
                        &mut changes.moves,
                    )
                }
            };
            // A key that is the start of a shard already splits nothing.
            *count += u64::from(done.is_ok());
            thread::yield_now();
        }
        changes
    }
}

impl Nodes {
    pub(crate) fn ask(&mut self, node: NodeId, token: Token, key: &str) -> Reply {
        match self.0.admit(node, token, key, Access::Write) {
            Ok(_) => Reply::Served,
            Err(Denial::Stale { current }) => Reply::Stale(current.map(|shard| shard.to_record()).collect()),
            Err(Denial::NotServing { .. }) => Reply::Later,
            // Tokens count each change of leader, and all nodes see the same table.
            Err(other) => panic!("{other}"),
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { splits, merges, moves } = self;
        write!(f, "{splits} splits, {merges} merges and {moves} moves")
    }
}
