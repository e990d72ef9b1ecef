//! Splits, merges and moves shards under the clients.

use std::fmt;

use shardway::{Change, Error, NodeId, Shard};

use super::KEYS;
use super::cluster::{Cluster, Data, NODES};

const TURNS: u64 = 3_000;
/// More are merged again.
const MOST_SHARDS: usize = 64;

#[derive(Default)]
pub(crate) struct Changes {
    splits: u64,
    merges: u64,
    moves: u64,
}

pub(crate) fn run(cluster: &Cluster) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    for turn in 0..TURNS {
        let table = cluster.router.snapshot();
        let key = format!("user/{:06}", turn * 709 % KEYS);
        let Some(shard) = table.owner(&key) else { continue };
        match turn % 3 {
            0 if table.len() < MOST_SHARDS && shard.start() != key.as_bytes() => {
                cluster.router.split(shard.id(), key)?;
                changes.splits += 1;
            }
            1 if table.len() >= MOST_SHARDS / 2 => {
                // Data stays where it is only if both have the same leader.
                let next = table.next(shard.id()).filter(|next| next.leader() == shard.leader());
                if let Some(next) = next {
                    cluster.router.merge(shard.id(), next.id())?;
                    changes.merges += 1;
                }
            }
            _ => {
                let to = NodeId((shard.leader().0 + 1 + turn % (NODES - 1)) % NODES);
                hand_over(cluster, shard, to)?;
                changes.moves += 1;
            }
        }
        std::thread::yield_now();
    }
    Ok(changes)
}

/// Writes are fenced first, reads go on; then the data and the leadership go together, for nobody looks at either node between.
fn hand_over(cluster: &Cluster, shard: Shard<'_>, to: NodeId) -> Result<(), Error> {
    let from = shard.leader();
    cluster.router.apply(Change::begin_transfer(shard.id(), to))?;
    let (mut lower, mut upper) = (cluster.lock(from.min(to)), cluster.lock(from.max(to)));
    let (source, target) = if from < to { (&mut lower, &mut upper) } else { (&mut upper, &mut lower) };
    let (leave, stay) =
        std::mem::take(&mut **source).into_iter().partition(|(key, _)| shard.range().contains(key));
    **source = stay;
    target.extend::<Data>(leave);
    cluster.router.apply(Change::commit_transfer(shard.id()))?;
    Ok(())
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { splits, merges, moves } = self;
        write!(f, "{splits} splits, {merges} merges and {moves} moves, under the clients")
    }
}
