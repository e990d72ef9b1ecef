//! What publishing tells: as much as happened and no more, after it happened, and under nothing that a subscriber or a recorder could
//! come to wait for.

#![cfg(all(feature = "metrics", feature = "tracing"))]
#![allow(clippy::disallowed_types, reason = "what listens has a lock")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder};
use metrics::{SharedString, Unit};
use shardway::{
    Change, Error, KeyRange, NodeId, RouteCache, Router, ShardId, ShardRecord, Table, Timestamp,
    describe_metrics,
};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};

/// What a recorder has heard, by metric and labels. Of histograms, how often.
#[derive(Clone, Default)]
struct Heard {
    values: Arc<Mutex<BTreeMap<String, f64>>>,
    described: Arc<AtomicU64>,
}

struct Metric {
    heard: Heard,
    name: String,
}

impl Heard {
    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels().map(|label| format!(":{}", label.value())).collect::<String>();
        Arc::new(Metric { heard: self.clone(), name: key.name().to_owned() + &labels })
    }

    fn all(&self) -> BTreeMap<String, f64> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, name: &str) -> f64 {
        self.all().get(name).copied().unwrap_or(0.0)
    }
}

impl Metric {
    fn change(&self, change: impl Fn(f64) -> f64) {
        let mut values = self.heard.values.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry(self.name.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, by: u64) {
        self.change(|value| value + by as f64);
    }
    fn absolute(&self, to: u64) {
        self.change(|_| to as f64);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, by: f64) {
        self.change(|value| value + by);
    }
    fn decrement(&self, by: f64) {
        self.change(|value| value - by);
    }
    fn set(&self, to: f64) {
        self.change(|_| to);
    }
}

impl HistogramFn for Metric {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds));
        self.change(|value| value + 1.0);
    }
}

impl Recorder for Heard {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.fetch_add(1, Ordering::Relaxed);
    }
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.fetch_add(1, Ordering::Relaxed);
    }
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.fetch_add(1, Ordering::Relaxed);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

/// Runs with a recorder, and gives what it heard.
fn heard(run: impl FnOnce(&Heard)) -> Heard {
    let heard = Heard::default();
    metrics::with_local_recorder(&heard, || run(&heard));
    heard
}

#[test]
fn as_much_is_counted_as_happened() {
    let heard = heard(|heard| {
        let router = Router::whole(NodeId(1));
        let halves = router.split(ShardId(1), "m").unwrap();
        router
            .transact([Change::split(halves.upper, "t"), Change::transfer(halves.lower, NodeId(2))])
            .unwrap();
        // Nothing was altered, and nothing is told.
        router.transact([]).unwrap();
        assert_eq!(heard.of("shardway_publishes_total"), 2.0);
        router.split(ShardId(1), "m").unwrap_err();
        router.transact([Change::remove(halves.lower), Change::transfer(ShardId(9), NodeId(1))]).unwrap_err();
        router.transfer(halves.lower, NodeId(2)).unwrap_err();
        let (copy, table) = (Router::whole(NodeId(1)), router.snapshot());
        let delta = copy.snapshot().delta(&copy.snapshot());
        copy.follow(&delta).unwrap();
        copy.follow(&table.delta(&table)).unwrap_err();
        let held = router.snapshot();
        router.transfer(halves.lower, NodeId(3)).unwrap();
        let retained = router.retained();
        assert_eq!(heard.of("shardway_retained_tables"), retained.tables as f64);
        assert!(retained.tables > 0 && heard.of("shardway_retained_bytes") == retained.bytes as f64);
        drop(held);
    });
    let mut all = heard.all();
    all.retain(|name, _| !name.starts_with("shardway_retained"));
    let expected = [
        ("shardway_publish_seconds", 3.0),
        ("shardway_publishes_total", 3.0),
        ("shardway_refusals_total:already_leader", 1.0),
        ("shardway_refusals_total:no_such_shard", 2.0),
        ("shardway_refusals_total:stale_revision", 1.0),
        ("shardway_revision", 4.0),
        ("shardway_shards", 3.0),
    ];
    assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[test]
fn a_writer_that_another_one_overtakes_says_so() {
    let heard = heard(|_| {
        let router = Router::whole(NodeId(1));
        let mut times = 0;
        let plan = |table: &Table| {
            times += 1;
            if times <= 3 {
                router.transfer(ShardId(1), NodeId(times + 1))?;
            }
            Ok::<_, Error>([Change::add_replica(table.resolve("")?.shard, NodeId(9))])
        };
        router.transact_with(plan).unwrap();
    });
    assert_eq!((heard.of("shardway_publishes_total"), heard.of("shardway_retries_total")), (4.0, 3.0));
}

#[test]
fn a_cache_says_what_it_refuses() {
    let heard = heard(|_| {
        let cache = RouteCache::new();
        let record = ShardRecord::new(ShardId(1), KeyRange::full(), NodeId(1));
        let mut same = record.clone();
        same.leader = NodeId(2);
        let other = ShardRecord::new(ShardId(2), KeyRange::full(), NodeId(1));
        cache.learn([record, other], Timestamp(0));
        cache.learn([same], Timestamp(0));
    });
    let told = ["shardway_publishes_total", "shardway_refusals_total:not_newer"].map(|name| heard.of(name));
    assert_eq!(told, [1.0, 1.0]);
}

#[test]
fn all_metrics_are_described() {
    let heard = heard(|_| describe_metrics());
    assert_eq!(heard.described.load(Ordering::Relaxed), 8);
}

/// A recorder that looks up and publishes, and one that panics.
struct Rude(Box<dyn Fn() + Send + Sync>);

impl Recorder for Rude {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        (self.0)();
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_recorder_may_publish_and_may_panic() {
    let router = Router::whole(NodeId(1));
    let (inner, depth) = (router.clone(), AtomicU64::new(0));
    let publishes = Rude(Box::new(move || {
        if depth.fetch_add(1, Ordering::Relaxed) == 0 {
            let shard = inner.reader().resolve("a").unwrap().shard;
            inner.split(shard, "b").unwrap();
            let _ = inner.retained();
        }
    }));
    metrics::with_local_recorder(&publishes, || router.split(ShardId(1), "m").unwrap());
    assert_eq!(router.snapshot().len(), 3);

    let panics = Rude(Box::new(|| panic!("the recorder's")));
    let shard = router.resolve("z").unwrap().shard;
    let split = || metrics::with_local_recorder(&panics, || router.split(shard, "t").map(drop));
    assert!(catch_unwind(AssertUnwindSafe(split)).is_err());
    assert_eq!(router.snapshot().len(), 4, "it was published");
    router.transfer(router.resolve("z").unwrap().shard, NodeId(7)).unwrap();
    router.snapshot().verify().unwrap();
    assert_eq!(router.retained().held, 0);
}

/// Writes down spans and events with their fields.
#[derive(Clone, Default)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("to a string");
    }
}

impl Lines {
    fn push(&self, line: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("shardway")
    }
    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let number = self.spans.fetch_add(1, Ordering::Relaxed) + 1;
        self.push(format!("{number} begins {}", span.metadata().name()));
        span::Id::from_u64(number)
    }
    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        self.push(format!("{} has{}", span.into_u64(), fields.0));
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.push(format!("{}{}", event.metadata().level(), fields.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, span: &span::Id) {
        self.push(format!("{} ends", span.into_u64()));
    }
}

#[test]
fn publishes_are_spans_and_refusals_have_reasons() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let router = Router::whole(NodeId(1));
        router.split(ShardId(1), "m").unwrap();
        router.split(ShardId(1), "m").unwrap_err();
        // Look-ups say nothing.
        assert!(router.resolve("a").is_ok() && router.reader().resolve("a").is_ok());
    });
    let lines = lines.lines.lock().unwrap().clone();
    let expected = [
        "1 begins publish",
        "1 has base=1",
        "1 has revision=2",
        "1 has shards=2",
        "1 has retries=0",
        "DEBUG message=published base=1 revision=2 shards=2 retries=0",
        "1 ends",
        "2 begins publish",
        "2 has base=2",
        "2 has retries=0",
        "INFO message=refused kind=\"no_such_shard\" reason=there is no shard 1",
        "2 ends",
    ];
    assert_eq!(lines, expected);
}
