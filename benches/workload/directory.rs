//! The textbook for a program that names shards by their ids and keeps their records, as shardway's users do: two persistent maps
//! that are published together. Like the other peers it checks nothing, and it has no sums, no nodes, no history and no digest.

use std::sync::Arc;

use arc_swap::ArcSwap;
use im::OrdMap;
use shardway::{Halves, Key, KeyRange, Route, ShardId, ShardRecord};

use super::published::{Published, Step};
use super::shards::Target;

/// Records by their starts, and starts by their ids.
#[derive(Clone)]
pub(crate) struct Directory {
    by_start: OrdMap<Key, Arc<ShardRecord>>,
    by_id: OrdMap<ShardId, Key>,
    next_id: u64,
}

/// Readers without a lock, and versions that share what they have in common.
pub(crate) type SwappedDirectory = ArcSwap<Directory>;

impl Directory {
    /// Takes shards in key order.
    pub(crate) fn of(records: &[ShardRecord]) -> Self {
        let start = |record: &ShardRecord| Key::from(record.range.start());
        Self {
            by_start: records.iter().map(|record| (start(record), Arc::new(record.clone()))).collect(),
            by_id: records.iter().map(|record| (record.id, start(record))).collect(),
            next_id: records.iter().map(|record| record.id.0 + 1).max().unwrap_or(1),
        }
    }

    pub(crate) fn split(&mut self, parent: ShardId, at: &Key) -> Halves {
        let record = self.take(parent);
        let (lower, upper) = (self.fresh_id(), self.fresh_id());
        let (low, up) = record.range.split_at(at).expect("it is within");
        self.put(&record, lower, low);
        self.put(&record, upper, up);
        Halves { parent, lower, upper }
    }

    fn merge(&mut self, lower: ShardId, upper: ShardId) -> ShardId {
        let records = [lower, upper].map(|shard| self.take(shard));
        let id = self.fresh_id();
        let range = records[0].range.join(&records[1].range).expect("they are neighbours");
        self.put(&records[0], id, range);
        id
    }

    fn amend(&mut self, shard: ShardId, change: impl FnOnce(&mut ShardRecord)) {
        let record = self.by_id.get(&shard).and_then(|start| self.by_start.get_mut(start));
        let record = Arc::make_mut(record.expect("it is there"));
        change(record);
        record.version += 1;
    }

    fn take(&mut self, shard: ShardId) -> Arc<ShardRecord> {
        let start = self.by_id.remove(&shard).expect("it is there");
        self.by_start.remove(&start).expect("it is under its start, too")
    }

    /// A shard that comes of another one.
    fn put(&mut self, parent: &ShardRecord, id: ShardId, range: KeyRange) {
        let start = Key::from(range.start());
        let mut record = parent.clone();
        (record.id, record.range, record.version) = (id, range, parent.version + 1);
        record.epoch.range += 1;
        self.by_id.insert(id, start.clone());
        self.by_start.insert(start, Arc::new(record));
    }

    fn fresh_id(&mut self) -> ShardId {
        self.next_id += 1;
        ShardId(self.next_id - 1)
    }
}

impl Published for SwappedDirectory {
    fn name() -> String {
        "ArcSwap<imbl::OrdMap, and by id>".into()
    }

    fn of(records: &[ShardRecord]) -> Self {
        Self::from_pointee(Directory::of(records))
    }

    fn finder(&self) -> impl FnMut(&[u8]) -> Option<Route> + Send {
        move |key| self.load().by_start.get_prev(key).map(|(_, record)| record.route())
    }

    fn publish(&self, step: Step, Target { record, middle, halves, .. }: &mut Target) {
        let mut made = None;
        self.rcu(|directory| {
            let mut next = Directory::clone(directory);
            match (step, *halves) {
                (Step::Split, _) => made = Some(next.split(record.id, middle)),
                (Step::Merge, Some(halves)) => record.id = next.merge(halves.lower, halves.upper),
                (Step::Merge, None) => unreachable!("it was split"),
                (Step::Transfer, _) => next.amend(record.id, |known| known.leader = record.leader),
                (Step::Report, _) => next.amend(record.id, |known| known.estimates = record.estimates),
            }
            next
        });
        *halves = made;
    }
}
