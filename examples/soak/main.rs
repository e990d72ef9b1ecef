//! Does anything grow? Readers, a writer, and visitors that hold snapshots for a while, for as long as one likes: live memory
//! and latency, window by window.
//!
//! `cargo run --release --example soak -- --seconds 3600`. Exit code 1 if more memory lives towards the end than in the
//! middle, or a look-up was wrong. At rest is when all threads of a window have gone and the tables that they left have been
//! freed. The most that lives while a window runs may vary by a half: a thread that waits for a processor keeps its table for
//! longer. Latency is shown and not judged: it is the machine's too.

#![allow(unsafe_code, reason = "an allocator that counts is an unsafe trait")]
#![allow(clippy::disallowed_types, reason = "threads share a stop sign, and the allocator a count")]

#[allow(dead_code, reason = "the other example asks more of it")]
#[path = "../hot_path/latency.rs"]
mod latency;
#[allow(dead_code, reason = "the other example draws more")]
#[path = "../hot_path/random.rs"]
mod random;

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use latency::Latencies;
use random::Random;
use shardway::{Change, Naming, NodeId, Router};

/// How many windows are shown. The first third is for warming up.
const WINDOWS: usize = 12;
/// About how many shards there are.
const SHARDS: u32 = 10_000;

static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

fn count(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Relaxed, here and below: a count that orders nothing.
        LIVE.fetch_add(count(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's layout, as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(count(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller's pointer and layout, as they came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Keeps a router busy, and shows whether memory and latency stay as they are.
#[derive(Parser)]
struct Args {
    /// For so long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn any_key(random: &mut Random) -> [u8; 4] {
    key(u32::try_from(random.below(1 << 32)).unwrap_or(0))
}

// Relaxed throughout what follows: a stop sign that is seen a little later is as good, and the count of wrong answers is read
// when all threads have been joined.

/// Looks up and checks until told to stop, and gives the latencies.
fn read(router: &Router, seed: u64, stop: &AtomicBool, wrong: &AtomicUsize) -> Latencies {
    let (mut reader, mut random, mut latencies) =
        (router.reader(), Random::new(seed, 0), Latencies::default());
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..64 {
            let key = any_key(&mut random);
            let start = Instant::now();
            let route = reader.resolve(key);
            latencies.record(start.elapsed());
            let table = reader.table();
            if !table.owner(key).is_some_and(|shard| shard.range().contains(key)) || route.is_err() {
                wrong.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    latencies
}

/// Splits, merges what it split, and moves, without pause.
fn write(router: &Router, seed: u64, stop: &AtomicBool) -> u64 {
    let (mut random, mut published) = (Random::new(seed, 0), 0);
    while !stop.load(Ordering::Relaxed) {
        let at = any_key(&mut random);
        let Ok(route) = router.resolve(at) else { continue };
        let split = Change::split_naming(route.shard, at, Naming::KeepLower);
        let Ok(shardway::Outcome::Split(halves)) = router.apply(split) else { continue };
        let to = NodeId(random.below(5) + 1);
        published += 1 + u64::from(router.transfer(halves.lower, to).is_ok());
        published += u64::from(router.transfer(halves.upper, to).is_ok());
        // Both are led by the same node now.
        let merge = Change::merge_naming(halves.lower, halves.upper, Naming::KeepLower);
        published += u64::from(router.apply(merge).is_ok());
    }
    published
}

/// Comes, holds a snapshot or a reader for a while, and goes: some without a word.
fn visit(router: &Router, seed: u64, stop: &AtomicBool) -> u64 {
    let (mut random, mut visits) = (Random::new(seed, 0), 0);
    while !stop.load(Ordering::Relaxed) {
        let (snapshot, mut reader) = (router.snapshot(), router.reader());
        let _ = reader.resolve(any_key(&mut random));
        thread::sleep(Duration::from_micros(random.below(20_000)));
        assert!(snapshot.revision() <= reader.table().revision());
        visits += 1;
    }
    visits
}

fn main() -> ExitCode {
    let window = Duration::from_secs(Args::parse().seconds) / u32::try_from(WINDOWS).unwrap_or(1);
    let router = Router::whole(NodeId(1));
    let shard = router.resolve("").map_or(shardway::ShardId(1), |route| route.shard);
    let cuts =
        (1..SHARDS).map(|cut| Change::split_naming(shard, key(cut * (u32::MAX / SHARDS)), Naming::KeepUpper));
    if let Err(error) = router.transact(cuts.collect::<Vec<_>>()) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }

    let wrong = AtomicUsize::new(0);
    let (mut at_rest, mut most) = (Vec::new(), Vec::new());
    println!(
        "window  look-ups     p50 ns   p99.9 ns     max us  publishes  visits  tables waiting  live KiB at most  at rest"
    );
    for number in 0..WINDOWS {
        let stop = AtomicBool::new(false);
        let (latencies, published, visits, peak) = thread::scope(|scope| {
            let seed = |thread: u64| thread + 100 * number as u64;
            let readers = [1, 2].map(|thread| {
                let (router, stop, wrong) = (&router, &stop, &wrong);
                scope.spawn(move || read(router, seed(thread), stop, wrong))
            });
            let (router, stop) = (&router, &stop);
            let writer = scope.spawn(move || write(router, seed(3), stop));
            let visitor = scope.spawn(move || visit(router, seed(4), stop));
            let (end, mut peak) = (Instant::now() + window, 0);
            while Instant::now() < end {
                thread::sleep(window.min(Duration::from_millis(10)));
                peak = peak.max(LIVE.load(Ordering::Relaxed));
            }
            stop.store(true, Ordering::Relaxed);
            let mut latencies = Latencies::default();
            for seen in readers.map(thread::ScopedJoinHandle::join).into_iter().flatten() {
                latencies.add(&seen);
            }
            (latencies, writer.join().unwrap_or(0), visitor.join().unwrap_or(0), peak)
        });
        let retained = router.retained();
        // Or what waits would count as what lives at rest.
        router.reclaim();
        let rest = LIVE.load(Ordering::Relaxed);
        println!(
            "{number:6}  {:9}  {:8}  {:9}  {:9}  {published:9}  {visits:6}  {:14}  {:16}  {:7}",
            latencies.count(),
            latencies.quantile(0.5),
            latencies.quantile(0.999),
            latencies.greatest() / 1_000,
            retained.tables,
            peak / 1024,
            rest / 1024,
        );
        at_rest.push(rest);
        most.push(peak);
    }
    let third = WINDOWS / 3;
    let greatest = |windows: &[i64]| windows.iter().copied().max().unwrap_or(0);
    let thirds = |values: &[i64]| (greatest(&values[third..2 * third]), greatest(&values[2 * third..]));
    let ((rest_before, rest), (most_before, most)) = (thirds(&at_rest), thirds(&most));
    let (wrong, sound) = (wrong.into_inner(), router.snapshot().verify().is_ok());
    let [rest_before_kib, rest_kib, most_before_kib, most_kib] =
        [rest_before, rest, most_before, most].map(|bytes| bytes / 1024);
    println!(
        "live at rest: {rest_before_kib} KiB at most in the middle third, {rest_kib} KiB in the last; under way: \
         {most_before_kib} and {most_kib} KiB; {wrong} wrong answers"
    );
    // At rest a tenth, since a table has more or fewer shards by chance; under way a half, for threads that wait longer.
    let grows = rest > rest_before + rest_before / 10 || most > most_before + most_before / 2;
    if grows || wrong > 0 || !sound {
        println!("memory grows, or an answer was wrong");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
