//! What was counted, over time: how much a second, with what was long ago fading away, for the shards that there are now. Pure:
//! the time is the caller's.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::time::Duration;

use super::counted::{Count, Counted};
use super::sample::{Cut, Samples};
use crate::error::Error;
use crate::key::{Key, KeyRange};
use crate::shard::{Shard, ShardId, Timestamp};
use crate::table::Table;

/// So much a second.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Rate {
    /// Requests a second.
    pub requests: f64,
    /// Bytes a second.
    pub bytes: f64,
}

impl Rate {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, bytes: self.bytes + other.bytes }
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self { requests: self.requests * factor, bytes: self.bytes * factor }
    }
}

/// How busy each shard is, as one observer knows it: means over time in which what is a half-life ago counts half. It follows
/// shards: the parts of one that was split have the shares of its load that the sampled keys say (or equal ones, where none
/// do), one that was merged has that of both, and one that has moved keeps its own. So nothing starts from zero, and the sum stays
/// what it was.
///
/// It holds the last table that it was shown.
///
/// ```
/// use std::time::Duration;
/// use shardway::{Load, NodeId, Rates, Router, Timestamp};
///
/// let (router, load) = (Router::whole(NodeId(1)), Load::default());
/// let mut rates = Rates::new(Duration::from_secs(30), Timestamp(0))?;
/// let shard = router.resolve("")?.shard;
/// let mut tracker = load.tracker(1);
/// for second in 1..=60 {
///     (0..500).for_each(|_| tracker.count(shard, "user/4711", 100));
///     tracker.flush();
///     rates.absorb(load.collect(), &router.snapshot(), Timestamp(second * 1_000));
/// }
/// assert!((rates.of(shard).requests - 500.0).abs() < 1e-6);
///
/// let halves = router.split(shard, "user/5")?;
/// (0..500).for_each(|_| tracker.count(shard, "user/4711", 100)); // by a thread that does not know yet
/// tracker.flush();
/// rates.absorb(load.collect(), &router.snapshot(), Timestamp(61_000));
/// assert!((rates.of(halves.lower).requests - 500.0).abs() < 1e-6, "all that was asked for is below");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rates {
    half_life: f64,
    at: Timestamp,
    /// How much of the past has been seen: from 0 at the start towards 1.
    seen: f64,
    shards: BTreeMap<ShardId, Busy>,
    /// Counted since `at`, for no time has passed.
    pending: BTreeMap<ShardId, Count>,
    table: Option<Table>,
    lost: Count,
}

/// The load of one shard, to be divided by how much of the past has been seen.
#[derive(Clone, Debug, Default)]
struct Busy {
    rate: Rate,
    samples: Samples,
}

impl Busy {
    /// Parts with its load over these keys: by the keys that were sampled, or else evenly, among the pieces and what it keeps.
    fn give_away(&mut self, pieces: Vec<(KeyRange, Option<ShardId>)>, keeps: bool) -> Vec<(ShardId, Self)> {
        let (whole, weight) = (self.rate, self.samples.weight());
        #[allow(clippy::cast_precision_loss, reason = "pieces are few")]
        let evenly = 1.0 / (pieces.len() + usize::from(keeps)) as f64;
        let mut given = Vec::new();
        for (range, to) in pieces {
            let samples = self.samples.split_off(range.as_bytes());
            let share = if weight > 0.0 { samples.weight() / weight } else { evenly };
            let rate = whole.times(share);
            self.rate = self.rate.plus(rate.times(-1.0));
            given.extend(to.map(|to| (to, Self { rate, samples })));
        }
        given
    }
}

/// A rate that has faded to this is gone.
const NOTHING: f64 = 1e-9;

impl Rates {
    /// Nothing seen before `start`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the half-life is zero.
    pub fn new(half_life: Duration, start: Timestamp) -> Result<Self, Error> {
        if half_life.is_zero() {
            let (what, expected) = ("half-life", "more than no time");
            return Err(Error::OutOfBounds { what, expected, found: format!("{half_life:?}") });
        }
        Ok(Self {
            half_life: half_life.as_secs_f64(),
            at: start,
            seen: 0.0,
            shards: BTreeMap::new(),
            pending: BTreeMap::new(),
            table: None,
            lost: Count::default(),
        })
    }

    /// Takes in what was counted since the last time, up to `now`, by a table that is current: that of the last time, or a later
    /// one. A clock that stands still or goes back makes nothing wrong: what was counted waits for it to go on.
    ///
    /// O(shards that were counted or are known), and what differs between the two tables.
    pub fn absorb(&mut self, counted: Counted, table: &Table, now: Timestamp) {
        let weight = f64::from(counted.every.max(1));
        for (shard, count) in counted.shards {
            self.pending.entry(shard).or_default().add(count);
        }
        for (shard, key) in counted.samples {
            self.shards.entry(shard).or_default().samples.push(key, weight);
        }
        self.lost.add(counted.rest);
        let seconds = now.since(self.at).as_secs_f64();
        if seconds > 0.0 {
            self.at = now;
            self.lose_unknown(table);
            self.pass(seconds);
            if let Some(older) = self.table.take() {
                self.hand_over(&older, table);
            }
            self.shards.retain(|shard, _| table.shard(*shard).is_some());
            self.table = Some(table.clone());
        }
    }

    /// What is pending for shards that neither table knows is nobody's.
    fn lose_unknown(&mut self, newer: &Table) {
        let older = self.table.as_ref().unwrap_or(newer);
        let lost = &mut self.lost;
        self.pending.retain(|shard, count| {
            let is_known = [older, newer].iter().any(|table| table.shard(*shard).is_some());
            if !is_known {
                lost.add(*count);
            }
            is_known
        });
    }

    /// Lets time go by, in which what is pending was counted.
    fn pass(&mut self, seconds: f64) {
        // The share of the past that fades, and of what is new; the one is as exact as the other, however little it is.
        let faded = -(-seconds / self.half_life * LN_2).exp_m1();
        let left = 1.0 - faded;
        self.seen = self.seen * left + faded;
        for busy in self.shards.values_mut() {
            busy.rate = busy.rate.times(left);
            busy.samples.fade(left);
        }
        for (shard, count) in std::mem::take(&mut self.pending) {
            #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
            let counted = Rate { requests: count.requests as f64, bytes: count.bytes as f64 };
            let busy = self.shards.entry(shard).or_default();
            busy.rate = busy.rate.plus(counted.times(faded / seconds));
        }
        let nothing = NOTHING * self.seen;
        self.shards.retain(|_, busy| busy.rate.requests > nothing || busy.rate.bytes > nothing);
    }

    /// Gives the load of shards that are not there any more, or have fewer keys, to those that have their keys now.
    fn hand_over(&mut self, older: &Table, newer: &Table) {
        // The keys that go from one shard to another, by whose they were.
        let mut pieces = BTreeMap::<ShardId, Vec<(KeyRange, Option<ShardId>)>>::new();
        for keys in older.moves(newer) {
            let to = keys.to.map(Shard::id);
            match keys.from.map(Shard::id) {
                Some(from) if to != Some(from) => pieces.entry(from).or_default().push((keys.range, to)),
                _ => {}
            }
        }
        // First from all, then to all: what comes to a shard is not what goes from it.
        let mut given = Vec::new();
        for (from, pieces) in pieces {
            if let (Some(before), Some(mut busy)) = (older.shard(from), self.shards.remove(&from)) {
                // Without those that came late, for keys that it had before.
                busy.samples = busy.samples.split_off(before.range());
                let keeps = newer.shard(from).is_some_and(|now| now.range().overlaps(&before.range()));
                given.extend(busy.give_away(pieces, keeps));
                given.extend(keeps.then_some((from, busy)));
            }
        }
        for (to, part) in given {
            let busy = self.shards.entry(to).or_default();
            busy.rate = busy.rate.plus(part.rate);
            busy.samples.join(part.samples);
        }
    }

    /// The load of a shard, as of the last time; zero if none was counted. O(log shards).
    #[must_use]
    pub fn of(&self, shard: ShardId) -> Rate {
        match self.shards.get(&shard) {
            Some(busy) if self.seen > 0.0 => busy.rate.times(1.0 / self.seen),
            _ => Rate::default(),
        }
    }

    /// All shards that have a load, by their ids.
    pub fn shards(&self) -> impl Iterator<Item = (ShardId, Rate)> {
        self.shards
            .iter()
            .filter(|_| self.seen > 0.0)
            .map(|(shard, busy)| (*shard, busy.rate.times(1.0 / self.seen)))
    }

    /// The load of all shards together.
    #[must_use]
    pub fn total(&self) -> Rate {
        self.shards().fold(Rate::default(), |sum, (_, rate)| sum.plus(rate))
    }

    /// Where to split a shard so that its load is halved, as nearly as its keys allow: strictly inside its range, and as short as
    /// can be. `None` if too few keys were sampled, or one key has so much of the load that neither part would have a fifth of it:
    /// then a split does not help. O(samples log samples), of which there are at most 256.
    #[must_use]
    pub fn split_key(&self, shard: ShardId) -> Option<Key> {
        self.cut(shard).map(|cut| cut.at)
    }

    pub(super) fn cut(&self, shard: ShardId) -> Option<Cut> {
        let range = self.table.as_ref()?.shard(shard)?.range();
        let cut = self.shards.get(&shard)?.samples.cut(range)?;
        (cut.at.as_bytes() > range.start()).then_some(cut)
    }

    /// What was counted and is in no rate: for shards that the tables have never known or have forgotten, and for more shards than
    /// a tracker tells apart.
    #[must_use]
    pub fn lost(&self) -> Count {
        self.lost
    }
}
