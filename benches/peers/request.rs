//! What does a request pay beside its look-up: to be counted, and to be routed by what a client has learned?
//!
//! On random keys, uniform and by Zipf. Counting is measured side by side with the plain look-up, block by block: it costs less than
//! what two runs differ by. Beside the cache, which learned its routes in no order, is a router whose shards came in
//! the same order. Both ways of keeping count by hand are shown that one would take otherwise: a map behind
//! a lock, and a map of each thread that somebody would have to sum up.

use std::collections::HashMap;
use std::hint::black_box;

use fastrand::Rng;
use serde_json::{Value, json};
use shardway::{Change, Load, RouteCache, Router, ShardId, ShardRecord, Table, Timestamp};

use crate::contender::{COMPARED, Contender, Kind};
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::mix::Mix;
use crate::rounds::{medians, side_by_side, warm};
use crate::workload::keys::KeySet;
use crate::workload::shards;

const BYTES: u64 = 128;

pub(crate) fn run(extent: &Extent) -> Value {
    let mut results = Vec::new();
    for count in extent.sizes {
        let records = shards::records(KeySet::Random, *count);
        let pool = KeySet::Random.so_many_queries(extent.queries);
        for mix in extent.mixes.iter().filter(|mix| **mix != Mix::Sequential) {
            let queries = mix.of(&pool);
            let queries: Vec<_> = queries.iter().collect();
            let right: Vec<_> = queries.iter().map(|key| Some(shards::owner(&records, key).id)).collect();
            let check = |contender: &mut Contender| {
                let answers = contender.pass.answers(&queries).into_iter();
                let found: Vec<_> = answers.map(|route| route.map(|route| route.shard)).collect();
                assert!(found == right, "{} is wrong", contender.name);
            };
            println!("request: {} shards, {}", grid::count(*count), mix.name());
            let mut grid = Grid::new(["", "ns", "ns more"]);
            let mut show = |contender: &Contender, nanoseconds: f64, base: f64| {
                let more = nanoseconds - base;
                grid.row([contender.name.clone(), figure(nanoseconds), figure(more)]);
                results.push(json!({
                    "name": contender.name, "shards": count, "mix": mix.name(), "ns": nanoseconds, "more": more,
                }));
            };

            let router = shards::router(&records);
            let mut reader = router.reader();
            let mut plain =
                Contender::new(COMPARED, Kind::Shardway, move |key: &[u8]| reader.resolve(key).ok());
            check(&mut plain);
            for mut contender in counting(&router, &records) {
                check(&mut contender);
                let pair = [&mut plain, &mut contender];
                let [base, nanoseconds] = side_by_side(extent.rounds, pair, &queries, |contender, block| {
                    contender.pass.pass(block)
                });
                show(&contender, nanoseconds, base);
            }
            let mut contenders = vec![plain];
            contenders.extend(learned(&records));
            contenders.iter_mut().for_each(check);
            let figures = medians(extent.rounds, &mut contenders, |contender| {
                warm(&queries, |block| contender.pass.pass(block))
            });
            for (contender, nanoseconds) in contenders.iter().zip(&figures) {
                show(contender, *nanoseconds, figures[0]);
            }
            println!("{grid}");
        }
    }
    results.into()
}

/// Ways to count requests, all on the same table, by threads that have met each shard before.
fn counting(router: &Router, records: &[ShardRecord]) -> Vec<Contender> {
    // The route stays where the look-up has put it: to hand it on is not what is measured. Nor is a call more: one closure for all
    // of these would add 1 ns to each.
    let mut reader = router.reader();
    let used = move |key: &[u8]| {
        let route = reader.resolve(key).ok();
        if let Some(route) = &route {
            black_box((route.shard, BYTES));
        }
        route
    };

    let (mut reader, mut tracker) = (router.reader(), Load::default().tracker(1));
    meet(records, |shard| tracker.count(shard, [], BYTES));
    let tracked = move |key: &[u8]| {
        let route = reader.resolve(key).ok();
        if let Some(route) = &route {
            tracker.count(route.shard, key, BYTES);
        }
        route
    };

    let [coarsely, more_coarsely] = [64, 256].map(|together| {
        let (mut reader, mut tracker) = (router.reader(), Load::default().coarse_tracker(1, together));
        meet(records, |shard| (0..together).for_each(|_| tracker.count(shard, [], BYTES)));
        move |key: &[u8]| {
            let route = reader.resolve(key).ok();
            if let Some(route) = &route {
                tracker.count(route.shard, key, BYTES);
            }
            route
        }
    });

    let (mut reader, mut counts) = (router.reader(), HashMap::<ShardId, (u64, u64)>::new());
    let in_a_map = move |key: &[u8]| {
        let route = reader.resolve(key).ok();
        if let Some(route) = &route {
            let count = counts.entry(route.shard).or_default();
            *count = (count.0 + 1, count.1 + BYTES);
        }
        route
    };

    let mut reader = router.reader();
    let counts = parking_lot::Mutex::new(HashMap::<ShardId, (u64, u64)>::new());
    let in_a_locked_map = move |key: &[u8]| {
        let route = reader.resolve(key).ok();
        if let Some(route) = &route {
            let mut counts = counts.lock();
            let count = counts.entry(route.shard).or_default();
            *count = (count.0 + 1, count.1 + BYTES);
        }
        route
    };

    vec![
        Contender::new("shardway Reader::resolve, shard read", Kind::Shardway, used),
        Contender::new("shardway Reader, Tracker::count", Kind::Shardway, tracked),
        Contender::new("shardway Reader, CoarseTracker::count of 64", Kind::Shardway, coarsely),
        Contender::new("shardway Reader, CoarseTracker::count of 256", Kind::Shardway, more_coarsely),
        Contender::new("Reader, HashMap of the thread", Kind::Peer, in_a_map),
        Contender::new("Reader, parking_lot Mutex<HashMap>", Kind::Peer, in_a_locked_map),
    ]
}

/// So often that a window has a slot for each, or nearly, and grows no more.
fn meet(records: &[ShardRecord], mut count: impl FnMut(ShardId)) {
    let mut ids: Vec<_> = records.iter().map(|record| record.id).collect();
    for _ in 0..3 {
        Rng::with_seed(1).shuffle(&mut ids);
        ids.iter().for_each(|id| count(*id));
    }
}

/// What was learned route by route, in no order.
fn learned(records: &[ShardRecord]) -> Vec<Contender> {
    let mut order: Vec<_> = records.to_vec();
    Rng::with_seed(1).shuffle(&mut order);
    let registered: Vec<_> = order.iter().cloned().map(Change::register).collect();
    let grown = Table::empty().apply(&registered).expect("no two overlap").0;
    let mut reader = Router::new(grown).reader();
    let grown = move |key: &[u8]| reader.resolve(key).ok();

    let cache = RouteCache::new();
    cache.learn(order, Timestamp(0));
    let mut reader = cache.reader();
    let cached = move |key: &[u8]| reader.resolve(key).ok();
    let or_loaded = move |key: &[u8]| {
        let never = |_| -> Result<_, shardway::Error> { Ok(black_box(Vec::new())) };
        cache.resolve_or_load(key, Timestamp(0), never).ok()
    };

    vec![
        Contender::new("shardway Reader, registered one by one", Kind::Shardway, grown),
        Contender::new("shardway RouteCache, Reader", Kind::Shardway, cached),
        Contender::new("shardway RouteCache::resolve_or_load", Kind::Shardway, or_loaded),
    ]
}
