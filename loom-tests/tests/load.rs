//! Callers of the real cache that miss the same part: it is loaded once, whoever loads may be given up half-way, and who waits is
//! woken. What is counted is invisible to loom. Twins: `look_before_flight`, `landed_before_learned`, `silent_landing`.

#![cfg(loom)]
#![allow(clippy::disallowed_types, reason = "what counts loads must be invisible to loom")]

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use loom::thread;
use shardway::{Error, KeyRange, NodeId, Route, RouteCache, ShardId, ShardRecord, Timestamp};
use shardway_loom_tests::check;

const NOW: Timestamp = Timestamp(0);

/// All keys, or those from "m" on, at an epoch of the range.
fn record(id: u64, from: &str, counter: u64) -> ShardRecord {
    let mut record = ShardRecord::new(ShardId(id), KeyRange::from(from..), NodeId(id));
    record.epoch.range = counter;
    record
}

/// A cache and how often it was loaded.
#[derive(Clone)]
struct Counted {
    cache: RouteCache,
    loads: Arc<AtomicUsize>,
}

impl Counted {
    fn new() -> Self {
        Self { cache: RouteCache::new(), loads: Arc::default() }
    }

    /// The route, and whether this caller has loaded it.
    fn ask(&self, key: &str) -> (Route, bool) {
        let mut has_loaded = false;
        let route = self.cache.resolve_or_load(key, NOW, |missing| {
            assert!(missing.part.contains(key));
            self.loads.fetch_add(1, Ordering::Relaxed);
            has_loaded = true;
            Ok::<_, Error>(vec![record(1, "", 1)])
        });
        (route.expect("it was loaded"), has_loaded)
    }

    fn spawn(&self, key: &'static str) -> thread::JoinHandle<(Route, bool)> {
        let counted = self.clone();
        thread::spawn(move || counted.ask(key))
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }
}

// Bound 3: 651 executions, 0.1 s.
#[test]
fn two_callers_and_one_part() {
    let outcomes = check("load: two callers, one part", Some(3), || {
        let counted = Counted::new();
        let other = counted.spawn("z");
        let (here, there) = (counted.ask("a"), other.join().unwrap());
        assert_eq!(counted.loads(), 1, "a part is loaded twice");
        assert_eq!(here.0, there.0);
        (here.1, there.1)
    });
    assert_eq!(outcomes, [(false, true), (true, false)]);
}

// Bound 2: 2,770 executions, 0.5 s.
#[test]
fn three_callers_and_one_part() {
    let outcomes = check("load: three callers, one part", Some(2), || {
        let counted = Counted::new();
        let others = [counted.spawn("m"), counted.spawn("z")];
        let here = counted.ask("a");
        let there = others.map(|other| other.join().unwrap());
        assert_eq!(counted.loads(), 1, "a part is loaded twice");
        (here.1, there.map(|(_, has_loaded)| has_loaded))
    });
    assert_eq!(outcomes.len(), 3);
}

/// One begins to load, and is dropped at any time: before the other comes, while it waits, or after it.
// Bound 3: 167 executions.
#[test]
fn a_leader_that_is_given_up() {
    let outcomes = check("load: a leader that is given up, a caller", Some(3), || {
        let counted = Counted::new();
        let other = counted.spawn("z");
        let is_first = {
            let load = |_| pending::<Result<_, Error>>();
            let mut leader = pin!(counted.cache.resolve_or_load_async("a", NOW, load));
            leader.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
        };
        let (route, has_loaded) = other.join().unwrap();
        assert_eq!((route.shard, has_loaded), (ShardId(1), true), "nobody else has");
        is_first
    });
    assert_eq!(outcomes, [false, true]);
}

/// What is loaded is overtaken by what another thread learns: what is known never goes back.
// Bound 2: 25,182 executions, 3 s.
#[test]
fn a_load_and_what_is_learned_meanwhile() {
    let outcomes = check("load: a load, newer routes, a reader", Some(2), || {
        let counted = Counted::new();
        let other = counted.spawn("z");
        let learner = {
            let cache = counted.cache.clone();
            thread::spawn(move || cache.learn([record(2, "m", 2)], NOW).refused.len())
        };
        let mut reader = counted.cache.reader();
        let seen = [(); 2].map(|()| reader.resolve("z").map_or(0, |route| route.shard.0));
        assert!(seen.is_sorted(), "what is known goes back: {seen:?}");
        let (route, has_loaded) = other.join().unwrap();
        assert_eq!(learner.join().unwrap(), 0);
        assert_eq!(counted.cache.resolve("z").unwrap().shard, ShardId(2));
        (seen, route.shard.0, has_loaded)
    });
    assert!(outcomes.contains(&([1, 2], 1, true)) && outcomes.contains(&([2, 2], 2, false)));
}
