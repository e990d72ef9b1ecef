//! What does a look-up cost while another thread looks up or publishes without pause?
//!
//! `cargo bench --bench contention`. One thread is measured, beside nobody, beside one that does the same, and beside one that
//! publishes. With fewer than two cores to itself the figures are the scheduler's.

#![allow(clippy::disallowed_types, reason = "the threads share a stop sign")]

mod workload;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::Criterion;
use shardway::{Router, ShardRecord};

use workload::cells::{LockedTree, ParkingTree, SwappedPersistent};
use workload::keys::{KeySet, Queries};
use workload::published::{Published, Step};
use workload::shards::{self, Targets};

fn main() {
    let mut criterion = workload::criterion();
    let (records, queries) = (shards::records(KeySet::Random, SHARDS), KeySet::Random.queries());
    contend::<Router>(&mut criterion, &records, &queries);
    contend::<LockedTree>(&mut criterion, &records, &queries);
    contend::<ParkingTree>(&mut criterion, &records, &queries);
    contend::<SwappedPersistent>(&mut criterion, &records, &queries);
    criterion.final_summary();
}

/// Few enough that a look-up is short beside getting at the table.
const SHARDS: usize = 10_000;

fn contend<P: Published>(criterion: &mut Criterion, records: &[ShardRecord], queries: &Queries) {
    let (shared, mut targets) = (P::of(records), Targets::of(records));
    let mut group = criterion.benchmark_group(format!("contention/{}", P::name()));
    let mut measure = |name, rival: &mut (dyn FnMut(usize) + Send)| {
        let (mut find, mut turn) = (shared.finder(), 0_usize);
        group.bench_function(name, |bencher| {
            beside(rival, || {
                bencher.iter(|| {
                    turn = turn.wrapping_add(1);
                    find(queries.at(turn))
                });
            });
        });
    };
    let mut other = shared.finder();
    measure("alone", &mut |_| thread::park());
    measure("reader", &mut |turn| {
        black_box(other(queries.at(turn)));
    });
    measure("writer", &mut |_| shared.carry_out(Step::Transfer, targets.next()));
}

/// Does the work while the rival, on another thread, does its own again and again.
fn beside(rival: &mut (dyn FnMut(usize) + Send), work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Nothing hangs on when exactly the sign is seen: relaxed will do.
        let rival = scope.spawn(|| {
            (0..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(rival);
        });
        work();
        done.store(true, Ordering::Relaxed);
        rival.thread().unpark();
    });
}
