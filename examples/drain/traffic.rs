//! Writes to all of the write set, and reads from one of the read set, near by; counts what goes wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use shardway::{Access, NodeId, Preference, Router};

use super::copies::Copies;
use super::{KEYS, key, zone};

#[derive(Default)]
pub(crate) struct Traffic {
    writes: u64,
    reads: u64,
    /// Writes that reached more nodes than hold the shard.
    both: u64,
    refused: u64,
    missed: u64,
}

pub(crate) fn run(router: &Router, copies: &Copies, over: &AtomicBool) -> Traffic {
    let mut traffic = Traffic::default();
    let mut acknowledged = HashMap::new();
    let mut turn = 0;
    // Each key at least twice, however soon the node is empty. Relaxed: a stop sign that is seen a little later is as good.
    while !over.load(Ordering::Relaxed) || turn < 2 * KEYS {
        turn += 1;
        let key = key(turn * 2_503 % KEYS);
        let under_way = copies.request();
        let table = router.snapshot();
        let Some(shard) = table.owner(&key) else { continue };
        let token = shard.route().token();

        if let Some(copy) = table.copy_for(shard, Preference::Nearest(&[("zone", zone(turn))])) {
            traffic.refused += u64::from(table.admit(copy, token, &key, Access::FollowerRead).is_err());
            let found = copies.with(copy, |data| data.get(&key).copied());
            traffic.missed += u64::from(found != acknowledged.get(&key).copied());
            traffic.reads += 1;
        }

        let reached: Vec<NodeId> = table.write_set(shard).collect();
        for node in &reached {
            traffic.refused += u64::from(table.admit(*node, token, &key, Access::FollowerWrite).is_err());
            copies.with(*node, |data| data.insert(key.clone(), turn));
        }
        traffic.both += u64::from(reached.len() > table.read_set(shard).count());
        traffic.writes += 1;
        drop(under_way);
        acknowledged.insert(key, turn);
    }
    traffic
}

impl Traffic {
    pub(crate) fn is_sound(&self) -> bool {
        self.missed == 0 && self.refused == 0 && self.both > 0
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writes, reads, both, refused, missed } = self;
        write!(f, "{writes} writes, {both} of them to old and new, {reads} reads from the nearest copy; ")?;
        write!(f, "{refused} refused, {missed} reads missed a write")
    }
}
