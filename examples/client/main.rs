//! Threads of one client that share a cache of routes, while shards split, merge and move under it. What they know grows old; each
//! denial brings the cure, and what nobody knows is loaded once for each missing part, however many threads miss it.
//!
//! `cargo run --release --example client`. Exit code 1 if a part was loaded twice at a time, nobody had to be cured, or what was
//! known of a key went back.

#![allow(clippy::disallowed_types, reason = "what stands for the cluster has locks")]

mod cluster;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cluster::{Cluster, Reply};
use shardway::{LoadError, RouteCache, Timestamp};

const THREADS: u64 = 4;
/// Of each thread, at least.
const REQUESTS: u64 = 20_000;
const KEYS: u64 = 2_000;

#[derive(Clone, Copy, Default)]
struct Told {
    requests: u64,
    cured: u64,
    fenced: u64,
    overtaken: u64,
    went_back: u64,
}

fn main() -> ExitCode {
    let (cluster, cache, over) = (Cluster::new(), RouteCache::new(), AtomicBool::new(false));
    let (changes, told) = thread::scope(|scope| {
        let client = |number| {
            let (cluster, cache, over) = (&cluster, &cache, &over);
            scope.spawn(move || work(cluster, cache, number, over))
        };
        let clients: Vec<_> = (0..THREADS).map(client).collect();
        let changes = cluster.rearrange(KEYS);
        // Relaxed, here and where it is read: a stop sign that is seen a little later is as good.
        over.store(true, Ordering::Relaxed);
        let ended = |client: thread::ScopedJoinHandle<'_, _>| client.join().expect("no client panics");
        (changes, clients.into_iter().map(ended).collect::<Vec<Told>>())
    });

    println!("{changes}, under the clients");
    println!("thread | requests | denied and cured | fenced | loads overtaken | routes that went back");
    for (number, Told { requests, cured, fenced, overtaken, went_back }) in told.iter().enumerate() {
        println!("{number} | {requests} | {cured} | {fenced} | {overtaken} | {went_back}");
    }
    let (loads, twice) = cluster.loads();
    println!(
        "{loads} parts were missing and loaded, {twice} of them twice at a time; {} routes are known",
        cache.snapshot().len()
    );
    let is_sound = cache.snapshot().verify().is_ok() && twice == 0;
    let is_tried = told.iter().any(|told| told.cured > 0) && loads > 0;
    let goes_on = told.iter().all(|told| told.went_back == 0);
    if is_sound && is_tried && goes_on { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(cluster: &Cluster, cache: &RouteCache, number: u64, over: &AtomicBool) -> Told {
    let (mut told, mut nodes, mut reader) = (Told::default(), cluster.nodes(), cache.reader());
    for turn in (0..).take_while(|turn| *turn < REQUESTS || !over.load(Ordering::Relaxed)) {
        // A factor that is prime to the number of keys: each comes, in no order.
        let key = format!("user/{:06}", (turn * 1_237 + number * 511) % KEYS);
        // Nobody else's clock is needed: nothing is forgotten by age.
        let now = Timestamp(turn);
        told.requests += 1;
        let mut newest = 0;
        loop {
            // The hot path: what is known costs what a router's reader does.
            let known = reader
                .resolve(&key)
                .or_else(|_| cache.resolve_or_load(&key, now, |missing| cluster.load(&missing)));
            let route = match known {
                Ok(route) => route,
                // Another thread has learned something newer of a neighbour meanwhile.
                Err(LoadError::Refused(_)) => {
                    told.overtaken += 1;
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            told.went_back += u64::from(route.epoch.range < newest);
            newest = route.epoch.range;
            match nodes.ask(route.leader, route.token(), &key) {
                Reply::Served => break,
                Reply::Stale(cure) => {
                    told.cured += 1;
                    cache.cure(route.token(), cure, now);
                }
                Reply::Later => {
                    told.fenced += 1;
                    thread::yield_now();
                }
            }
        }
    }
    told
}
