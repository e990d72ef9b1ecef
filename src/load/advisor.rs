//! When to split, merge and move. Pure, and in no hurry: what has to be so for a while before anything is said, and keys that
//! something was said of are left alone for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use super::advice::{Advice, Thresholds};
use super::rates::{Rate, Rates};
use crate::error::Error;
use crate::key::KeyRange;
use crate::node::NodeStatus;
use crate::shard::{Estimates, NodeId, Shard, ShardId, ShardState, Timestamp};
use crate::table::Table;

/// Looks at rates now and then, and says what to do when it is time. It keeps in mind since when what has been so.
///
/// ```
/// use std::time::Duration;
/// use shardway::{Advisor, Estimates, Load, NodeId, Rate, Rates, Router, Sampling, Thresholds, Timestamp};
///
/// let router = Router::whole(NodeId(1));
/// let load = Load::new(Sampling { every: 10, ..Sampling::default() });
/// let (mut reader, mut tracker) = (router.reader(), load.tracker(1));
/// let mut rates = Rates::new(Duration::from_secs(10), Timestamp(0))?;
/// let mut advisor = Advisor::new(Thresholds {
///     hot: Rate { requests: 400.0, bytes: 1e9 },
///     cold: Rate { requests: 100.0, bytes: 1e8 },
///     largest: Estimates { keys: u64::MAX, bytes: u64::MAX },
///     imbalance: f64::INFINITY,
///     patience: Duration::from_secs(5),
///     rest: Duration::from_secs(30),
///     most: 1,
/// })?;
/// for second in 1..=20 {
///     for request in 0..500 {
///         let key = format!("user/{:03}", request * 7 % 1_000);
///         tracker.count(reader.resolve(&key)?.shard, &key, 100);
///     }
///     tracker.flush();
///     let now = Timestamp(second * 1_000);
///     rates.absorb(load.collect(), &router.snapshot(), now);
///     for advice in advisor.advise(&router.snapshot(), &rates, now) {
///         println!("{advice}"); // split shard 1 at "user/5": hot for 5s, with 500 requests/s ...
///         router.apply(advice.change())?;
///     }
/// }
/// assert_eq!(router.snapshot().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Advisor {
    thresholds: Thresholds,
    hot: Since<ShardId>,
    cold: Since<(ShardId, ShardId)>,
    busy: Since<NodeId>,
    resting: Vec<(KeyRange, Timestamp)>,
}

/// Since when what has been so, without a break.
type Since<K> = BTreeMap<K, Timestamp>;

/// Those that are so now, each since when it has been. The others are forgotten.
fn note<K: Ord>(since: &mut Since<K>, now: Timestamp, found: impl Iterator<Item = K>) {
    let mut before = std::mem::take(since);
    since.extend(found.map(|key| {
        let first = before.remove(&key).unwrap_or(now);
        (key, first)
    }));
}

impl Advisor {
    /// Has seen nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] for what is not a number or below zero, for cold thresholds above half of the hot ones, and for an
    /// imbalance below one.
    pub fn new(thresholds: Thresholds) -> Result<Self, Error> {
        let Thresholds { hot, cold, imbalance, .. } = thresholds;
        let rates = [("hot", hot), ("cold", cold)];
        for (what, rate) in
            rates.into_iter().flat_map(|(what, rate)| [(what, rate.requests), (what, rate.bytes)])
        {
            if rate.is_nan() || rate < 0.0 {
                return Err(Error::OutOfBounds { what, expected: "zero or more", found: rate.to_string() });
            }
        }
        for (hot, cold) in [(hot.requests, cold.requests), (hot.bytes, cold.bytes)] {
            if cold > hot / 2.0 {
                let expected = "at most half of what is hot";
                return Err(Error::OutOfBounds { what: "cold", expected, found: format!("{cold} of {hot}") });
            }
        }
        if imbalance.is_nan() || imbalance < 1.0 {
            let found = imbalance.to_string();
            return Err(Error::OutOfBounds { what: "imbalance", expected: "one or more", found });
        }
        let (hot, cold, busy) = (Since::new(), Since::new(), Since::new());
        Ok(Self { thresholds, hot, cold, busy, resting: Vec::new() })
    }

    /// What to do now: the hottest shards first, then the leader of one shard, then the coldest neighbours, each at most once. Keys
    /// that something is said of are left alone for a while from now on, whether it is done or not.
    ///
    /// O(n) where nothing is so cold that a merge is to be thought of, O(n log n) else.
    pub fn advise(&mut self, table: &Table, rates: &Rates, now: Timestamp) -> Vec<Advice> {
        self.resting.retain(|(_, until)| now < *until);
        let mut all = self.splits(table, rates, now);
        all.extend(self.moving_leader(table, rates, now));
        all.extend(self.merges(table, rates, now));
        let mut taken: Vec<KeyRange> = Vec::new();
        let until = Timestamp(now.0.saturating_add(millis(self.thresholds.rest)));
        all.retain(|(range, _)| {
            let is_free =
                taken.len() < self.thresholds.most && !taken.iter().any(|other| other.overlaps(range));
            if is_free {
                taken.push(range.clone());
            }
            is_free
        });
        self.resting.extend(taken.into_iter().map(|range| (range, until)));
        all.into_iter().map(|(_, advice)| advice).collect()
    }

    /// Since when, if it has been so for long enough.
    fn lasting<K: Ord>(&self, since: &Since<K>, key: &K, now: Timestamp) -> Option<Duration> {
        since.get(key).map(|first| now.since(*first)).filter(|lasting| *lasting >= self.thresholds.patience)
    }

    fn is_free(&self, range: KeyRange<&[u8]>) -> bool {
        !self.resting.iter().any(|(resting, _)| resting.overlaps(&range))
    }

    fn splits(&mut self, table: &Table, rates: &Rates, now: Timestamp) -> Vec<(KeyRange, Advice)> {
        let Thresholds { hot, .. } = self.thresholds;
        let is_hot = |rate: Rate| rate.requests > hot.requests || rate.bytes > hot.bytes;
        let mut found: Vec<_> = rates.shards().filter(|(_, rate)| is_hot(*rate)).collect();
        note(&mut self.hot, now, found.iter().map(|(shard, _)| *shard));
        found.sort_by(|(_, one), (_, other)| heat(*other, hot).total_cmp(&heat(*one, hot)));
        let split = |(id, rate): (ShardId, Rate)| {
            let lasting = self.lasting(&self.hot, &id, now)?;
            let shard =
                table.shard(id).filter(|shard| is_idle(table, *shard) && self.is_free(shard.range()))?;
            let cut = rates
                .cut(id)
                .filter(|cut| cut.at.as_bytes() > shard.start() && shard.range().contains(&cut.at))?;
            let halves = (rate.times(cut.below), rate.times(1.0 - cut.below));
            let (range, epoch) = (shard.range().to_key_range(), shard.epoch());
            Some((range, Advice::Split { shard: id, epoch, at: cut.at, rate, halves, lasting }))
        };
        found.into_iter().filter_map(split).collect()
    }

    fn merges(&mut self, table: &Table, rates: &Rates, now: Timestamp) -> Vec<(KeyRange, Advice)> {
        let Thresholds { cold, .. } = self.thresholds;
        let mut found = Vec::new();
        for (lower, upper) in table.shards().zip(table.shards().skip(1)) {
            let rate = rates.of(lower.id()).plus(rates.of(upper.id()));
            if rate.requests < cold.requests && rate.bytes < cold.bytes && self.may_merge(table, lower, upper)
            {
                found.push((lower, upper, rate));
            }
        }
        note(&mut self.cold, now, found.iter().map(|(lower, upper, _)| (lower.id(), upper.id())));
        found.sort_by(|(.., one), (.., other)| heat(*one, cold).total_cmp(&heat(*other, cold)));
        let merge = |(lower, upper, rate): (Shard<'_>, Shard<'_>, Rate)| {
            let lasting = self.lasting(&self.cold, &(lower.id(), upper.id()), now)?;
            let range = lower.range().to_key_range().join(&upper.range().to_key_range())?;
            let shards = [lower, upper].map(|shard| (shard.id(), shard.epoch()));
            self.is_free(range.as_bytes()).then_some((range, Advice::Merge { shards, rate, lasting }))
        };
        found.into_iter().filter_map(merge).collect()
    }

    fn may_merge(&self, table: &Table, lower: Shard<'_>, upper: Shard<'_>) -> bool {
        let Estimates { keys, bytes } = self.thresholds.largest;
        let together = lower.estimates().checked_add(upper.estimates());
        lower.range().is_before_and_adjacent(&upper.range())
            && (lower.leader(), lower.replicas()) == (upper.leader(), upper.replicas())
            && is_idle(table, lower)
            && is_idle(table, upper)
            && together.is_some_and(|sum| sum.keys <= keys && sum.bytes <= bytes)
    }

    /// From the busiest node, if it is too busy: the shard whose move makes the busier one of both nodes least busy.
    fn moving_leader(&mut self, table: &Table, rates: &Rates, now: Timestamp) -> Option<(KeyRange, Advice)> {
        let nodes = node_rates(table, rates);
        #[allow(clippy::cast_precision_loss, reason = "nodes are few")]
        let mean = nodes.values().map(|rate| rate.requests).sum::<f64>() / nodes.len().max(1) as f64;
        let limit = mean * self.thresholds.imbalance;
        note(
            &mut self.busy,
            now,
            nodes.iter().filter(|(_, rate)| rate.requests > limit).map(|(node, _)| *node),
        );
        let (from, busy) =
            nodes.iter().max_by(|(_, one), (_, other)| one.requests.total_cmp(&other.requests))?;
        let lasting = self.lasting(&self.busy, from, now)?;
        let mut best: Option<(f64, Shard<'_>, NodeId)> = None;
        for (id, rate) in rates.shards() {
            let Some(shard) = table.shard(id).filter(|shard| shard.leader() == *from) else { continue };
            if !is_idle(table, shard) || !self.is_free(shard.range()) {
                continue;
            }
            for to in shard.replicas().iter().filter(|to| table.status(**to) == NodeStatus::Up) {
                let there = nodes.get(to).map_or(0.0, |rate| rate.requests) + rate.requests;
                let busier = there.max(busy.requests - rate.requests);
                if busier < busy.requests && best.is_none_or(|(least, ..)| busier < least) {
                    best = Some((busier, shard, *to));
                }
            }
        }
        let (_, shard, to) = best?;
        let advice = Advice::MoveLeader {
            shard: shard.id(),
            epoch: shard.epoch(),
            from: *from,
            to,
            rate: rates.of(shard.id()),
            nodes: (*busy, nodes.get(&to).copied().unwrap_or_default()),
            lasting,
        };
        Some((shard.range().to_key_range(), advice))
    }
}

/// The load of each node that holds a copy of a shard with load, as the leader of shards.
fn node_rates(table: &Table, rates: &Rates) -> BTreeMap<NodeId, Rate> {
    let mut nodes: BTreeMap<_, _> = table
        .known_nodes()
        .filter(|node| node.status == NodeStatus::Up)
        .map(|node| (node.id, Rate::default()))
        .collect();
    for (id, rate) in rates.shards() {
        if let Some(shard) = table.shard(id) {
            for node in shard.replicas() {
                nodes.entry(*node).or_default();
            }
            let led = nodes.entry(shard.leader()).or_default();
            *led = led.plus(rate);
        }
    }
    nodes
}

/// Whether nothing is under way on the shard, and it serves.
fn is_idle(table: &Table, shard: Shard<'_>) -> bool {
    shard.state() == ShardState::Active && table.operation(shard.id()).is_none()
}

/// How many times the threshold a rate is.
fn heat(rate: Rate, threshold: Rate) -> f64 {
    let times = |rate: f64, threshold: f64| if rate == 0.0 { 0.0 } else { rate / threshold };
    times(rate.requests, threshold.requests).max(times(rate.bytes, threshold.bytes))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
