//! What trackers count is told once, however they come and go, grow and are read; rates are those of a plain sum over all that was
//! ever counted, and follow shards; advice is given once it is time, and nothing flaps.

#![allow(clippy::disallowed_types, reason = "the tests share stop signs between threads")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use shardway::{
    Advice, Advisor, Change, Count, Counted, Error, Estimates, Key, KeyRange, Load, NodeId, Rate, Rates,
    Sampling, ShardId, ShardRecord, Table, Thresholds, Timestamp, Tracker,
};

/// Steps of a script, and shards of its largest steps: far more than a window has room for.
const STEPS: usize = if cfg!(miri) { 30 } else { 200 };
const MANY: u64 = if cfg!(miri) { 70 } else { 3_000 };

const NONE: Sampling = Sampling { every: 0, keep: 0 };

/// All that a load has told.
#[derive(Default)]
struct Told {
    shards: BTreeMap<ShardId, Count>,
    samples: usize,
    rest: u64,
}

impl Told {
    fn hear(&mut self, counted: Counted) {
        for (shard, count) in counted.shards {
            let sum = self.shards.entry(shard).or_default();
            *sum = Count { requests: sum.requests + count.requests, bytes: sum.bytes + count.bytes };
        }
        self.samples += counted.samples.len();
        self.rest += counted.rest.requests;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 128 }, failure_persistence: None, ..Default::default() })]

    /// Trackers that come, count for few shards or for many, and go, and collections in between, against sums.
    #[test]
    fn what_is_counted_is_told_once(script in prop::collection::vec((0..10_u8, any::<u16>()), 0..STEPS)) {
        let load = Load::new(NONE);
        let (mut trackers, mut told) = (vec![load.tracker(0)], Told::default());
        let mut sums = BTreeMap::<ShardId, Count>::new();
        let steps = script.len();
        for (step, (kind, number)) in script.into_iter().enumerate() {
            let place = usize::from(number) % trackers.len().max(1);
            match kind {
                0 => trackers.push(load.tracker(u64::from(number))),
                1 if !trackers.is_empty() => drop(trackers.remove(place)),
                2 => told.hear(load.collect()),
                4 => trackers.iter_mut().for_each(Tracker::flush),
                _ => if let Some(tracker) = trackers.get_mut(place) {
                    let shards = if kind == 3 { 1 + u64::from(number) % MANY } else { 1 };
                    for shard in 0..shards {
                        let shard = ShardId((shard << 32) + u64::from(number % 50) + step as u64 % 3);
                        tracker.count(shard, "", u64::from(number));
                        let sum = sums.entry(shard).or_default();
                        *sum = Count { requests: sum.requests + 1, bytes: sum.bytes + u64::from(number) };
                    }
                },
            }
            if step + 1 == steps {
                trackers.clear();
            }
        }
        told.hear(load.collect());
        prop_assert_eq!((told.shards, told.rest), (sums, 0));
    }
}

/// Requests of three shards, one after the other and at random, in shares of 1, 10 and 89 of a hundred.
#[test]
fn what_is_counted_in_groups_adds_up_and_is_right_in_the_mean() {
    let requests = if cfg!(miri) { 500 } else { 200_000_u64 };
    for together in [0, 1, 2, 64, 1_000] {
        let load = Load::new(Sampling { every: 100, keep: 10_000 });
        let mut tracker = load.coarse_tracker(u64::from(together), together);
        let (mut sums, mut told, mut random) = ([Count::default(); 3], Told::default(), 1_u64);
        for request in 0..requests {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let shard = match (random >> 33) % 100 {
                0 => 0,
                1..=10 => 1,
                _ => 2,
            };
            let count = Count { requests: 1, bytes: 100 + shard };
            tracker.count(ShardId(shard), shard.to_le_bytes(), count.bytes);
            let sum = &mut sums[usize::try_from(shard).unwrap()];
            *sum = Count { requests: sum.requests + 1, bytes: sum.bytes + count.bytes };
            if request % 50_000 == 0 {
                tracker.flush();
                told.hear(load.collect());
                let untold = request + 1 - told.shards.values().map(|count| count.requests).sum::<u64>();
                assert!(untold < 2 * u64::from(together.max(1)), "{untold} after a flush");
            }
        }
        drop(tracker);
        told.hear(load.collect());
        let all = |counts: &mut dyn Iterator<Item = u64>| counts.sum::<u64>();
        let found = all(&mut told.shards.values().map(|count| count.requests));
        assert_eq!(found + told.rest, requests, "a request is lost or told twice");
        assert!(told.rest < 2 * u64::from(together.max(1)));
        let bytes = all(&mut told.shards.values().map(|count| count.bytes));
        assert!(bytes <= all(&mut sums.iter().map(|sum| sum.bytes)));
        for (shard, sum) in sums.iter().enumerate().filter(|_| !cfg!(miri)) {
            let found = told.shards.get(&ShardId(shard as u64)).copied().unwrap_or_default().requests;
            // Five standard deviations, and what belongs to no group.
            let off = 5.0 * (sum.requests as f64 * f64::from(together.max(1)) * 2.0).sqrt();
            let is_exact = together < 2;
            assert!(
                found.abs_diff(sum.requests) as f64 <= if is_exact { 0.0 } else { off },
                "{together}, {shard}"
            );
        }
        // One in a hundred, and each at the end of a group: what is left of that comes on top.
        let samples = match together {
            0..=64 => 1_700..=2_150,
            _ => 150..=250,
        };
        assert!(cfg!(miri) || samples.contains(&told.samples), "{together}: {}", told.samples);
    }
}

#[test]
fn what_threads_count_while_it_is_collected_is_told_once() {
    let (threads, turns, most) = if cfg!(miri) { (2, 3, 70) } else { (4, 60, 3_000) };
    let load = Load::new(Sampling { every: 16, keep: 1_000 });
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let counters: Vec<_> = (0..threads)
            .map(|thread| {
                let load = &load;
                scope.spawn(move || {
                    for turn in 0..turns {
                        let mut tracker = load.tracker(thread * 1_000 + turn);
                        for shard in 0..=(turn * 977 + thread) % most {
                            (0..=shard % 3).for_each(|_| tracker.count(ShardId(shard), "key", 3));
                        }
                    }
                })
            })
            .collect();
        let collector = scope.spawn(|| {
            let mut told = Told::default();
            // Relaxed: a stop sign that is seen a little later is as good.
            while !over.load(Ordering::Relaxed) {
                told.hear(load.collect());
            }
            told
        });
        counters.into_iter().for_each(|counter| counter.join().unwrap());
        over.store(true, Ordering::Relaxed);
        collector.join().unwrap()
    });
    let mut told = told;
    told.hear(load.collect());
    let mut sums = BTreeMap::<ShardId, u64>::new();
    for (thread, turn) in (0..threads).flat_map(|thread| (0..turns).map(move |turn| (thread, turn))) {
        for shard in 0..=(turn * 977 + thread) % most {
            *sums.entry(ShardId(shard)).or_default() += shard % 3 + 1;
        }
    }
    assert!(told.shards.values().all(|count| count.bytes == 3 * count.requests));
    assert!(told.shards.into_iter().map(|(shard, count)| (shard, count.requests)).eq(sums));
    assert!(load.collect().shards.is_empty(), "nothing is told twice");
}

/// About one in so many, whatever the rhythm of requests, and no more than asked for.
#[test]
fn keys_are_sampled_at_random_and_bounded() {
    let load = Load::new(Sampling { every: 64, keep: 500 });
    let mut tracker = load.tracker(7);
    for request in 0..64_000_u32 {
        tracker.count(ShardId(1), if request % 64 == 0 { "rhythm" } else { "other" }, 1);
    }
    assert_eq!(load.collect().samples.len(), 500);
    let (mut all, mut rhythm) = (0, 0);
    for _ in 0..20 {
        for request in 0..12_800_u32 {
            tracker.count(ShardId(1), if request % 64 == 0 { "rhythm" } else { "other" }, 1);
        }
        let samples = load.collect().samples;
        all += samples.len();
        rhythm += samples.iter().filter(|(_, key)| *key == Key::from("rhythm")).count();
    }
    assert!((3_600..4_400).contains(&all), "{all} of 4,000");
    assert!((30..100).contains(&rhythm), "{rhythm} of 62");
    drop(load.collect());
    (0..100).for_each(|_| tracker.count(ShardId(u64::MAX), "no shard has this id", 1));
    tracker.count(ShardId(2), "this is one", 1);
    tracker.flush();
    let counted = load.collect();
    assert_eq!(
        (counted.shards, counted.rest.requests),
        ([(ShardId(2), Count { requests: 1, bytes: 1 })].into(), 0)
    );
}

fn rate(requests: f64) -> Rate {
    Rate { requests, bytes: requests * 100.0 }
}

fn counted(shards: &[(ShardId, u64)], samples: &[(ShardId, &[u8])]) -> Counted {
    let mut counted = Counted::default();
    for (shard, requests) in shards {
        counted.shards.insert(*shard, Count { requests: *requests, bytes: requests * 100 });
    }
    counted.samples = samples.iter().map(|(shard, key)| (*shard, Key::from(*key))).collect();
    counted
}

/// Shards of equal width over the first byte, numbered from 1.
fn table(shards: u8) -> Table {
    let width = 256 / u16::from(shards);
    let start = |shard: u8| [u8::try_from(u16::from(shard) * width).unwrap()];
    let records = (0..shards).map(|shard| {
        let lower = if shard == 0 { vec![] } else { start(shard).to_vec() };
        let range = match shard + 1 {
            last if last == shards => KeyRange::from(lower..),
            next => KeyRange::try_from(lower..start(next).to_vec()).unwrap(),
        };
        let mut record = ShardRecord::new(ShardId(u64::from(shard) + 1), range, NodeId(1));
        record.replicas = vec![NodeId(2), NodeId(3)];
        record
    });
    Table::from_records(records).unwrap()
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 128 }, failure_persistence: None, ..Default::default() })]

    /// A rate is the mean over all time, in which each moment counts half as much as one a half-life later.
    #[test]
    fn rates_are_means_that_fade(steps in prop::collection::vec((0..5_000_u64, 0..1_000_u64), 1..40)) {
        let (table, half_life) = (table(1), 2.0);
        let mut rates = Rates::new(Duration::from_secs(2), Timestamp(1_000)).unwrap();
        let mut now = 1_000;
        // What was counted from when to when.
        let (mut spans, mut pending) = (Vec::<(f64, f64, f64)>::new(), 0);
        for (millis, requests) in steps {
            let from = now;
            now += millis;
            pending += requests;
            rates.absorb(counted(&[(ShardId(1), requests)], &[]), &table, Timestamp(now));
            if millis > 0 {
                spans.push((from as f64 / 1e3, now as f64 / 1e3, pending as f64));
                pending = 0;
            }
        }
        // A clock that goes back is one that stands still.
        rates.absorb(Counted::default(), &table, Timestamp(now / 2));
        let end = now as f64 / 1e3;
        let weight = |from: f64, to: f64| ((to - end) / half_life).exp2() - ((from - end) / half_life).exp2();
        let sum: f64 = spans.iter().map(|(from, to, count)| count / (to - from) * weight(*from, *to)).sum();
        let whole = weight(1.0, end);
        let expected = if spans.is_empty() { 0.0 } else { sum / whole };
        prop_assert!(close(rates.of(ShardId(1)).requests, expected) || expected < 1e-6, "{} {expected}", rates.of(ShardId(1)).requests);
    }

    /// Splits, merges and moves change who has the load, and not how much there is.
    #[test]
    fn the_sum_outlives_splits_and_merges(
        loads in prop::collection::vec(0..1_000_u64, 8),
        keys in prop::collection::vec(any::<u8>(), 0..60),
        script in prop::collection::vec((0..3_u8, any::<u8>()), 1..30),
        each in 1..4_usize,
    ) {
        let mut table = table(8);
        let mut rates = Rates::new(Duration::from_secs(10), Timestamp(0)).unwrap();
        let shards: Vec<_> = (1..=8).map(ShardId).zip(loads).collect();
        let samples: Vec<_> = keys.iter().map(|key| (table.resolve([*key]).unwrap().shard, std::slice::from_ref(key))).collect();
        rates.absorb(counted(&shards, &samples), &table, Timestamp(1_000));
        let total = rates.total();
        let expected: u64 = shards.iter().map(|(_, requests)| requests).sum();
        prop_assert!(close(total.requests, expected as f64) && close(total.bytes, 100.0 * expected as f64));
        for (step, changes) in script.chunks(each).enumerate() {
            for (kind, byte) in changes {
                let shard = table.owner([*byte]).unwrap();
                let change = match kind {
                    0 => Change::split(shard.id(), [*byte, 7]),
                    1 => table.next(shard.id()).map_or(Change::transfer(shard.id(), NodeId(9)), |next| Change::merge(shard.id(), next.id())),
                    _ => Change::transfer(shard.id(), NodeId(2 + u64::from(byte % 2))),
                };
                if let Ok((next, _)) = table.apply(&[change]) {
                    table = next;
                }
            }
            let end = 1.001 + step as f64 / 1e3;
            rates.absorb(Counted::default(), &table, Timestamp(1_001 + step as u64));
            // Of the time that was seen, the first second.
            let weight = |from: f64, to: f64| ((to - end) / 10.0).exp2() - ((from - end) / 10.0).exp2();
            let left = expected as f64 * weight(0.0, 1.0) / weight(0.0, end);
            prop_assert!((rates.total().requests - left).abs() < 1e-6, "{} {left}", rates.total().requests);
            prop_assert!(rates.shards().all(|(shard, rate)| table.shard(shard).is_some() && rate.requests >= -1e-9));
        }
        prop_assert_eq!(rates.lost(), Count::default());
    }
}

/// A half-life of centuries is a plain mean.
#[test]
fn what_hardly_fades_is_a_mean() {
    let mut rates = Rates::new(Duration::from_secs(u64::MAX), Timestamp(0)).unwrap();
    for (now, requests) in [(1, 2), (2, 4), (10, 4)] {
        rates.absorb(counted(&[(ShardId(1), requests)], &[]), &table(1), Timestamp(now));
    }
    assert!(close(rates.of(ShardId(1)).requests, 1_000.0));
}

#[test]
fn handles_go_to_other_threads() {
    fn check<T: Send>(_: T) {}
    let load = Load::default();
    check((load.tracker(1), load));
}

#[test]
fn parts_have_the_shares_that_the_keys_say() {
    let mut rates = Rates::new(Duration::from_secs(10), Timestamp(0)).unwrap();
    let whole = table(1);
    let keys: Vec<[u8; 1]> = (0..40).map(|key| [key]).collect();
    let samples: Vec<_> = keys.iter().map(|key| (ShardId(1), &key[..])).collect();
    rates.absorb(counted(&[(ShardId(1), 1_000)], &samples), &whole, Timestamp(1_000));
    assert_eq!(rates.split_key(ShardId(1)), Some(Key::from([20])));
    let split = |change| whole.apply(&[change]).unwrap().0;
    for (at, lower) in [(10, 250.0), (20, 500.0), (39, 975.0), (50, 1_000.0)] {
        // Under new names, and where one of the parts keeps the old one.
        for naming in [shardway::Naming::Fresh, shardway::Naming::KeepLower, shardway::Naming::KeepUpper] {
            let (mut rates, parts) = (rates.clone(), split(Change::split_naming(ShardId(1), [at], naming)));
            // Counted for the parent, by who did not know yet.
            rates.absorb(counted(&[(ShardId(1), 1)], &[]), &parts, Timestamp(1_001));
            let found = rates.of(parts.resolve("").unwrap().shard).requests;
            assert!((found - lower).abs() < 1.0, "{at} {naming:?}: {found}");
            assert!((rates.total().requests - 1_000.0).abs() < 1.0);
        }
    }
    // Where nothing is known of keys, evenly.
    let mut blind = Rates::new(Duration::from_secs(10), Timestamp(0)).unwrap();
    blind.absorb(counted(&[(ShardId(1), 1_000)], &[]), &whole, Timestamp(1_000));
    let parts = split(Change::split(ShardId(1), [1]));
    blind.absorb(Counted::default(), &parts, Timestamp(1_001));
    assert!(parts.shards().all(|shard| (blind.of(shard.id()).requests - 500.0).abs() < 1.0));
    // For a shard that nobody knows.
    blind.absorb(counted(&[(ShardId(77), 5)], &[]), &parts, Timestamp(1_002));
    assert_eq!(blind.lost(), Count { requests: 5, bytes: 500 });
}

fn thresholds() -> Thresholds {
    Thresholds {
        hot: rate(1_000.0),
        cold: rate(300.0),
        largest: Estimates { keys: u64::MAX, bytes: u64::MAX },
        imbalance: f64::INFINITY,
        patience: Duration::from_secs(10),
        rest: Duration::from_secs(60),
        most: 8,
    }
}

#[test]
fn thresholds_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Thresholds)| {
        let mut wrong = thresholds();
        change(&mut wrong);
        match Advisor::new(wrong) {
            Err(Error::OutOfBounds { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|wrong| wrong.hot.requests = f64::NAN), "hot");
    assert_eq!(refused(|wrong| wrong.cold.bytes = -1.0), "cold");
    assert_eq!(refused(|wrong| wrong.cold.requests = 501.0), "cold");
    assert_eq!(refused(|wrong| wrong.imbalance = 0.9), "imbalance");
    assert_eq!(refused(|wrong| wrong.imbalance = f64::NAN), "imbalance");
    assert!(Advisor::new(thresholds()).is_ok());
    assert!(matches!(Rates::new(Duration::ZERO, Timestamp(0)), Err(Error::OutOfBounds { .. })));
}

/// A table under a load that is given by the key, looked at each second.
struct World {
    table: Table,
    rates: Rates,
    advisor: Advisor,
    now: u64,
}

impl World {
    fn new(table: Table, thresholds: Thresholds) -> Self {
        let rates = Rates::new(Duration::from_secs(5), Timestamp(0)).unwrap();
        Self { table, rates, advisor: Advisor::new(thresholds).unwrap(), now: 0 }
    }

    /// One second with so many requests for each first byte, and what is said then, which is done.
    fn second(&mut self, requests: impl Fn(u8) -> u64) -> Vec<Advice> {
        let (mut shards, mut samples) = (BTreeMap::<ShardId, u64>::new(), Vec::new());
        let keys: Vec<[u8; 1]> = (0..=255).map(|key| [key]).collect();
        for key in &keys {
            let shard = self.table.resolve(key).unwrap().shard;
            *shards.entry(shard).or_default() += requests(key[0]);
            if requests(key[0]) > 0 {
                samples.push((shard, &key[..]));
            }
        }
        self.now += 1_000;
        let now = Timestamp(self.now);
        self.rates.absorb(counted(&shards.into_iter().collect::<Vec<_>>(), &samples), &self.table, now);
        let advised = self.advisor.advise(&self.table, &self.rates, now);
        for advice in &advised {
            self.table = self.table.apply(&[advice.change()]).unwrap().0;
        }
        advised
    }
}

/// Hot for long enough, split where the load is halved; cold for long enough, merged again; and nothing in between.
#[test]
fn a_hot_shard_is_split_and_merged_when_it_has_cooled() {
    let mut world = World::new(table(1), thresholds());
    let mut said = BTreeMap::new();
    for second in 0..300 {
        for advice in world.second(|key| u64::from(second < 120 && key >= 128) * 15) {
            said.insert(second, advice);
        }
    }
    let said: Vec<_> = said.into_iter().collect();
    let [(first, split), (last, merge)] = &said[..] else { panic!("{said:?}") };
    let Advice::Split { at, halves: (lower, upper), lasting, .. } = split else { panic!("{split}") };
    assert_eq!((*first, *lasting), (10, Duration::from_secs(10)));
    assert!(
        (184..200).contains(&at.as_bytes()[0]) && close(lower.requests + upper.requests, 1_920.0),
        "{split}"
    );
    assert!((lower.requests - upper.requests).abs() < 100.0, "{split}");
    let text = split.to_string();
    let start = format!(
        "split shard 1 at {at:?}: hot for 10s, with 1920 requests/s and 192000 bytes/s; of its requests, "
    );
    assert!(text.starts_with(&start) && text.ends_with("/s are above"), "{text}");
    assert!(matches!(merge, Advice::Merge { .. }) && *last > 130, "{last}: {merge}");
    assert_eq!(world.table.len(), 1);
    world.table.verify().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 12 }, failure_persistence: None, ..Default::default() })]

    /// A load that stays about what it is, wherever it lies: once all that is to be done is done, nothing more is.
    #[test]
    fn a_steady_load_comes_to_rest(loads in prop::collection::vec(0..60_u64, 16), jitter in any::<u64>()) {
        let mut world = World::new(table(4), thresholds());
        let mut last = 0;
        for second in 0..900_u64 {
            let noise = |key: u8| (jitter ^ second.wrapping_mul(0x9e37_79b9)) >> (key % 32) & 1;
            let said = world.second(|key| loads[usize::from(key) / 16] + noise(key));
            if !said.is_empty() {
                last = second;
            }
        }
        prop_assert!(last < 600, "still at it after {last} s: {}", world.table);
        for shard in world.table.shards() {
            let rate = world.rates.of(shard.id());
            prop_assert!(rate.requests <= 1_000.0 || world.rates.split_key(shard.id()).is_none(), "{shard}: {rate}");
        }
    }
}

/// One key that has it all is not helped by a split; a node that has too much is helped by one shard's move, once.
#[test]
fn a_hot_key_is_not_split_and_a_busy_node_gives_a_leader_away() {
    let mut hot = World::new(table(1), thresholds());
    assert!((0..60).all(|_| hot.second(|key| u64::from(key == 9) * 5_000).is_empty()));

    let mut busy = World::new(table(4), Thresholds { imbalance: 1.5, ..thresholds() });
    let said: Vec<_> = (0..60).flat_map(|_| busy.second(|key| [9, 3, 2, 2][usize::from(key) / 64])).collect();
    let [Advice::MoveLeader { shard: ShardId(1), from: NodeId(1), to: NodeId(2), .. }, rest @ ..] = &said[..]
    else {
        panic!("{said:?}")
    };
    // The busiest has 576 of 1,024 then, the mean being 341: too much, but to move it is no help.
    assert!(
        rest.iter().all(|advice| !matches!(advice, Advice::MoveLeader { shard: ShardId(1), .. })),
        "{rest:?}"
    );
    assert!(said.len() <= 2, "{said:?}");
    assert!(
        said[0]
            .to_string()
            .starts_with("move the leader of shard 1, with 576 requests/s, from node 1 to node 2")
    );
}

/// Neighbours on different nodes, under operations, or too large together, are let be.
#[test]
fn what_can_not_be_merged_is_not_advised() {
    let idle = |table: Table, thresholds| {
        let mut world = World::new(table, thresholds);
        (0..30).flat_map(|_| world.second(|_| 0)).count()
    };
    assert_eq!(idle(table(2), thresholds()), 1);
    let changed = |changes: &[Change]| table(2).apply(changes).unwrap().0;
    assert_eq!(idle(changed(&[Change::transfer(ShardId(1), NodeId(2))]), thresholds()), 0);
    assert_eq!(idle(changed(&[Change::begin_transfer(ShardId(2), NodeId(2))]), thresholds()), 0);
    assert_eq!(
        idle(changed(&[Change::take_offline(ShardId(1)), Change::take_offline(ShardId(2))]), thresholds()),
        0
    );
    let reported =
        changed(&[1, 2].map(|shard| Change::report(ShardId(shard), Estimates { keys: 6, bytes: 1 })));
    assert_eq!(
        idle(reported.clone(), Thresholds { largest: Estimates { keys: 11, bytes: 9 }, ..thresholds() }),
        0
    );
    assert_eq!(idle(reported, Thresholds { largest: Estimates { keys: 12, bytes: 2 }, ..thresholds() }), 1);
}
