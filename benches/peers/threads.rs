//! Readers, and perhaps a writer, on threads of their own for a while.

#![allow(clippy::disallowed_types, reason = "the threads share a stop sign")]

use std::panic::resume_unwind;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::workload::published::{Published, Step};
use crate::workload::shards::Targets;

/// Says when it is enough.
pub(crate) struct Stop(AtomicBool);

impl Stop {
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Nothing hangs on when exactly it is seen; what the threads made is handed over by joining them.
        self.0.load(Ordering::Relaxed)
    }
}

/// How many readers there are, and who changes the table without pause beside them.
pub(crate) struct Crew<'t> {
    pub(crate) readers: usize,
    pub(crate) writes: Option<&'t mut Targets>,
}

/// What each reader came to, and how many publications a second there were.
pub(crate) fn run<P: Published, R: Send>(
    shared: &P,
    crew: Crew<'_>,
    span: Duration,
    read: impl Fn(usize, &Stop) -> R + Sync,
) -> (Vec<R>, f64) {
    let stop = &Stop(AtomicBool::new(false));
    let start = &Barrier::new(crew.readers + usize::from(crew.writes.is_some()) + 1);
    let read = &read;
    thread::scope(|scope| {
        let reader = |number| {
            scope.spawn(move || {
                start.wait();
                read(number, stop)
            })
        };
        let readers: Vec<_> = (0..crew.readers).map(reader).collect();
        let writer = crew.writes.map(|targets| {
            scope.spawn(move || {
                start.wait();
                write(shared, targets, stop)
            })
        });
        start.wait();
        thread::sleep(span);
        stop.0.store(true, Ordering::Relaxed);
        (readers.into_iter().map(join).collect(), writer.map_or(0.0, join))
    })
}

/// Moves one shard after the other to another node.
fn write<P: Published>(shared: &P, targets: &mut Targets, stop: &Stop) -> f64 {
    let began = Instant::now();
    let mut publications = 0_u32;
    while !stop.is_set() {
        shared.carry_out(Step::Transfer, targets.next());
        publications += 1;
    }
    f64::from(publications) / began.elapsed().as_secs_f64()
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
