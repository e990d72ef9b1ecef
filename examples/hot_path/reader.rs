//! What one reader thread does: it looks up keys in blocks, and checks each answer while no clock runs.

use std::time::{Duration, Instant};

use shardway::Key;

use crate::checks::Checks;
use crate::contender::{Answer, Evidence, Lookups};
use crate::latency::{Latencies, rate};
use crate::requests::{Request, Requests};

/// Lookups of a block that are made back to back, under one pair of looks at the clock.
const RUN: usize = 60;
/// Lookups of a block that are timed one by one.
const TIMED: usize = 4;
/// One lookup in so many is timed by itself.
pub(crate) const ONE_TIMED_IN: usize = (RUN + TIMED) / TIMED;

/// What one reader thread found.
#[derive(Default)]
pub(crate) struct Reads {
    pub(crate) latencies: Latencies,
    /// How many answers said that the shard takes no writes now.
    pub(crate) fenced: u64,
    /// How many answers were held against no shard, since theirs had changed before they could be.
    pub(crate) overwritten: u64,
    pub(crate) checks: Checks,
    /// How many lookups were made back to back, and the time that they took.
    run: usize,
    busy: Duration,
}

impl Reads {
    pub(crate) fn per_second(&self) -> f64 {
        rate(self.run, self.busy)
    }
}

/// Looks up until `time` is over.
pub(crate) fn read(lookups: impl Lookups, mut requests: Requests<'_>, time: Duration) -> Reads {
    let (block, answers) = (Vec::with_capacity(RUN + TIMED), Vec::with_capacity(RUN + TIMED));
    let mut session = Session { lookups, block, answers, revision: 0, reads: Reads::default() };
    let started = Instant::now();
    while started.elapsed() < time {
        session.block.clear();
        session.block.extend(requests.by_ref().take(RUN + TIMED));
        session.answer();
        session.check();
    }
    session.reads
}

/// One block of requests and what has come of them.
struct Session<'k, L> {
    lookups: L,
    block: Vec<Request<'k>>,
    answers: Vec<Answer>,
    /// Of the last answer.
    revision: u64,
    reads: Reads,
}

impl<L: Lookups> Session<'_, L> {
    fn answer(&mut self) {
        let (run, timed) = self.block.split_at(RUN);
        self.answers.clear();
        let started = Instant::now();
        for request in run {
            self.answers.push(self.lookups.ask(request.key, request.access));
        }
        self.reads.busy += started.elapsed();
        self.reads.run += run.len();
        for request in timed {
            let started = Instant::now();
            let answer = self.lookups.ask(request.key, request.access);
            self.reads.latencies.record(started.elapsed());
            self.answers.push(answer);
        }
    }

    fn check(&mut self) {
        let reads = &mut self.reads;
        for (request, answer) in self.block.iter().zip(&self.answers) {
            let evidence = self.lookups.evidence(request.key, answer);
            reads.fenced += u64::from(answer.outcome.is_err());
            reads.overwritten += u64::from(matches!(evidence, Evidence::Overwritten));
            let right = self.revision <= answer.revision && fits(request, answer, evidence);
            reads.checks.expect(right, || {
                let Request { key, access } = request;
                format!(
                    "after revision {}, {access} of {:?} got {answer:?}, against {evidence:?}",
                    self.revision,
                    Key::from(*key)
                )
            });
            self.revision = answer.revision;
        }
        self.lookups.forget();
    }
}

/// Whether the answer is what the shard that it names would give.
fn fits(request: &Request<'_>, answer: &Answer, evidence: Evidence) -> bool {
    let Some(told) = answer.route() else { return false };
    let allowed = told.state.serves(request.access) == answer.outcome.is_ok();
    allowed
        && match evidence {
            Evidence::Shard { owns_key, route } => owns_key && route == told,
            Evidence::NoSuchShard => false,
            Evidence::Overwritten => true,
        }
}
