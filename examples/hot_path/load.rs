//! One run of one contender: readers and writers at once, for a while, and then judgement. What they do is in
//! [`crate::reader`] and [`crate::writer`].

use std::panic::resume_unwind;
use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use shardway::{Error, Key, ShardRecord};

use crate::checks::Checks;
use crate::contender::Contender;
use crate::judge::judge;
use crate::latency::Latencies;
use crate::layout::Layout;
use crate::plan::Planner;
use crate::progress::Progress;
use crate::random::Random;
use crate::reader::{Reads, read};
use crate::requests::Requests;
use crate::writer::{Writes, write};

/// Random numbers of readers and of writers come from streams of their own: writers count from here, readers from 1.
const FIRST_WRITER: u64 = 1_000_000;

/// The same for every contender.
pub(crate) struct Load<'k> {
    pub(crate) keys: &'k [Key],
    pub(crate) records: Vec<ShardRecord>,
    pub(crate) nodes: u64,
    pub(crate) readers: usize,
    pub(crate) writers: usize,
    pub(crate) time: Duration,
    pub(crate) pause: Duration,
    pub(crate) seed: u64,
}

/// What came of it, over all threads.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) lookups_per_second: f64,
    pub(crate) lookups: Latencies,
    pub(crate) publishes_per_second: f64,
    pub(crate) publishes: Latencies,
    pub(crate) fenced: u64,
    pub(crate) overwritten: u64,
    pub(crate) refused: u64,
    pub(crate) shards: usize,
    pub(crate) checks: Checks,
}

impl Measured {
    fn new(name: &'static str, shards: usize) -> Self {
        Self {
            name,
            lookups_per_second: 0.0,
            lookups: Latencies::default(),
            publishes_per_second: 0.0,
            publishes: Latencies::default(),
            fenced: 0,
            overwritten: 0,
            refused: 0,
            shards,
            checks: Checks::default(),
        }
    }
}

impl Load<'_> {
    pub(crate) fn run<C: Contender>(&self, progress: &Progress) -> Result<Measured, Error> {
        let contender = C::new(&self.records)?;
        let (reads, writes) = self.read_and_write(&contender, progress);
        let (mut log, mut checks) = (Vec::new(), Checks::default());
        let mut measured = Measured::new(C::NAME, contender.survey(Layout::count));
        for reads in reads {
            measured.lookups_per_second += reads.per_second();
            measured.lookups.add(&reads.latencies);
            measured.fenced += reads.fenced;
            measured.overwritten += reads.overwritten;
            checks.add(reads.checks);
        }
        for writes in writes {
            measured.publishes_per_second += writes.per_second();
            measured.publishes.add(&writes.latencies);
            measured.refused += writes.refused;
            checks.add(writes.checks);
            log.extend(writes.log);
        }
        checks.add(judge(&contender, &self.records, log, progress)?);
        Ok(Measured { checks, ..measured })
    }

    /// Gives what each reader and each writer has found.
    fn read_and_write<C: Contender>(&self, contender: &C, progress: &Progress) -> (Vec<Reads>, Vec<Writes>) {
        let start = &Barrier::new(self.readers + self.writers);
        thread::scope(|scope| {
            let reader = |stream| {
                scope.spawn(move || {
                    let requests = Requests::new(self.keys, Random::new(self.seed, stream));
                    let lookups = contender.lookups();
                    start.wait();
                    read(lookups, requests, self.time)
                })
            };
            let writer = |stream| {
                scope.spawn(move || {
                    let random = Random::new(self.seed, stream);
                    let planner = Planner::new(self.keys, self.nodes, self.records.len(), random);
                    start.wait();
                    write(contender, planner, self.time, self.pause)
                })
            };
            let readers: Vec<_> = (1..).take(self.readers).map(reader).collect();
            let writers: Vec<_> = (FIRST_WRITER..).take(self.writers).map(writer).collect();
            progress.watch(C::NAME, self.time, || contender.survey(status));
            (join(readers), join(writers))
        })
    }
}

fn status(layout: &impl Layout) -> String {
    format!("revision {}, {} shards", layout.revision(), layout.count())
}

fn join<T>(threads: Vec<ScopedJoinHandle<'_, T>>) -> Vec<T> {
    let join = |thread: ScopedJoinHandle<'_, T>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    threads.into_iter().map(join).collect()
}
