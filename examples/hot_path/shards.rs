//! The shards that a run starts with: the keys, cut into equal parts, spread over the nodes. How they change later is not
//! known here.

use shardway::{Error, Key, KeyEnd, KeyRange, NodeId, ShardId, ShardRecord};

/// `count` shards, not more than there are keys, that own the whole keyspace together. Nodes lead in turn. Each shard has
/// one replica in the lower half of the keyspace and two in the upper half, as far as there are nodes: where neighbours
/// never had as many, nothing could be merged.
pub(crate) fn cut(keys: &[Key], count: usize, nodes: u64) -> Result<Vec<ShardRecord>, Error> {
    let bound = |shard: usize| keys.get(shard * keys.len() / count).filter(|_| shard < count).cloned();
    let record = |(shard, id): (usize, u64)| {
        let start = bound(shard).filter(|_| shard > 0).unwrap_or_else(Key::empty);
        let end = bound(shard + 1).map_or(KeyEnd::Unbounded, KeyEnd::At);
        let copies = if shard < count / 2 { 1 } else { 2 };
        let mut record = ShardRecord::new(ShardId(id), KeyRange::new(start, end)?, NodeId(1 + id % nodes));
        record.replicas = (1..=copies.min(nodes - 1)).map(|step| NodeId(1 + (id + step) % nodes)).collect();
        Ok(record)
    };
    (0..count).zip(1..).map(record).collect()
}
