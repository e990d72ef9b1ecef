//! A shard grows hot, is found, split at the key that halves its load, cools, and is merged again; nothing flaps on the way. Requests
//! are really routed and counted, by two threads' worth of readers and trackers; the clock is a loop, so that an hour takes a second.
//!
//! `cargo run --release --example hot_shard`. Exit code 1 if the halves are not halves, more or less was done than had to be, or
//! anything was done while the load stood still.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use shardway::{
    Advice, Advisor, Estimates, Load, Measure, NodeId, Rate, Rates, Reader, Router, Sampling, Shard,
    Thresholds, Timestamp, Tracker,
};

const MINUTE: u64 = 60;
const BYTES: u64 = 200;
const HOT: f64 = 2_000.0;

/// What the day is like, from a minute on: how many requests a second for every tenant, and for the one that everybody wants.
const PHASES: [(u64, &str, u64, u64); 3] = [
    (0, "a quiet morning", 400, 0),
    (10, "tenant 0042 is in the news", 400, 6_000),
    (30, "and forgotten", 400, 0),
];
const END: u64 = 60;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let router = Router::whole(NodeId(1));
    for tenant in ["tenant/0025", "tenant/0050", "tenant/0075"] {
        router.split(router.resolve(tenant)?.shard, tenant)?;
    }
    let load = Load::new(Sampling { every: 64, ..Sampling::default() });
    let mut workers = [1, 2].map(|seed| (router.reader(), load.tracker(seed)));
    let mut rates = Rates::new(Duration::from_secs(30), Timestamp(0))?;
    let mut advisor = Advisor::new(Thresholds {
        hot: Rate { requests: HOT, bytes: 1e9 },
        cold: Rate { requests: 120.0, bytes: 1e8 },
        largest: Estimates { keys: u64::MAX, bytes: u64::MAX },
        imbalance: f64::INFINITY,
        patience: Duration::from_secs(60),
        rest: Duration::from_secs(180),
        most: 1,
    })?;

    let mut done = Vec::new();
    for second in 1..=END * MINUTE {
        let (_, phase, each, news) =
            PHASES.into_iter().rfind(|(from, ..)| second > from * MINUTE).ok_or("no phase")?;
        if PHASES.iter().any(|(from, ..)| second == from * MINUTE + 1) {
            println!("{} {phase}", clock(second));
        }
        for request in 0..each + news {
            let key = key(second, request, each);
            let worker = &mut workers[usize::from(request % 2 == 0)];
            serve(worker, &key)?;
        }
        let now = Timestamp(second * 1_000);
        rates.absorb(load.collect(), &router.snapshot(), now);
        for advice in advisor.advise(&router.snapshot(), &rates, now) {
            println!("{} {advice}", clock(second));
            router.apply(advice.change())?;
            done.push((second, advice));
        }
        if second % (10 * MINUTE) == 0 {
            let busiest = rates.shards().map(|(_, rate)| rate.requests).fold(0.0, f64::max);
            println!(
                "{} {} shards, the busiest with {busiest:.0} requests/s",
                clock(second),
                router.snapshot().len()
            );
        }
    }
    println!("{}", router.snapshot().listing(20));
    // The load of each shard, as its colour in a picture.
    let heat = |shard: Shard<'_>| rates.of(shard.id()).requests / HOT;
    println!("a picture of {} bytes", router.snapshot().picture(Measure::Shards, heat).to_string().len());
    Ok(if is_as_it_should_be(&done) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All tenants alike, and then the one, all of whose users are alike.
fn key(second: u64, request: u64, each: u64) -> String {
    let turn = second * 7_919 + request * 104_729;
    match request {
        request if request < each => format!("tenant/{:04}/user/{:06}", turn % 100, turn / 100 % 1_000),
        _ => format!("tenant/0042/user/{:06}", turn % 1_000),
    }
}

fn serve((reader, tracker): &mut (Reader, Tracker), key: &str) -> Result<(), shardway::Refusal> {
    let route = reader.resolve(key)?;
    tracker.count(route.shard, key, BYTES);
    Ok(())
}

fn clock(second: u64) -> String {
    format!("{:02}:{:02}", second / MINUTE, second % MINUTE)
}

/// Splits while it is hot, until no part is; merges when it has cooled; and nothing else, at no other time.
fn is_as_it_should_be(done: &[(u64, Advice)]) -> bool {
    let in_phase = |from: u64, to: u64| {
        done.iter().filter(move |(second, _)| (from * MINUTE..to * MINUTE).contains(second))
    };
    let is_even = |advice: &Advice| match advice {
        Advice::Split { halves: (lower, upper), .. } => {
            let share = lower.requests / (lower.requests + upper.requests);
            (0.35..0.65).contains(&share)
        }
        _ => false,
    };
    let (splits, merges) = (in_phase(10, 30).count(), in_phase(30, END + 1).count());
    let is_quiet =
        in_phase(0, 10).count() == 0 && in_phase(22, 30).count() == 0 && in_phase(50, END + 1).count() == 0;
    let is_even = in_phase(10, 30).all(|(_, advice)| is_even(advice));
    let is_merged = in_phase(30, END + 1).all(|(_, advice)| matches!(advice, Advice::Merge { .. }));
    println!("{splits} splits, {merges} merges; even: {is_even}, quiet where nothing changed: {is_quiet}");
    (2..=7).contains(&splits) && merges >= splits && is_quiet && is_even && is_merged
}
