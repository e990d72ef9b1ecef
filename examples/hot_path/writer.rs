//! What one writer thread does: it plans a step on the newest state, publishes it, and keeps a log of what was accepted.

use std::thread;
use std::time::{Duration, Instant};

use crate::checks::Checks;
use crate::contender::Contender;
use crate::latency::{Latencies, rate};
use crate::plan::Planner;
use crate::step::{Phase, Step};

/// A step that was accepted, and the revision that it made.
pub(crate) struct Accepted {
    pub(crate) revision: u64,
    pub(crate) step: Step,
    pub(crate) phase: Phase,
}

/// What one writer thread did.
#[derive(Default)]
pub(crate) struct Writes {
    pub(crate) log: Vec<Accepted>,
    pub(crate) refused: u64,
    /// Of accepted steps.
    pub(crate) latencies: Latencies,
    pub(crate) checks: Checks,
    took: Duration,
}

/// Splits, merges and transfers until `time` is over, with a `pause` after each step, and then commits what is under way.
pub(crate) fn write(
    contender: &impl Contender,
    mut planner: Planner<'_>,
    time: Duration,
    pause: Duration,
) -> Writes {
    let mut writes = Writes::default();
    let started = Instant::now();
    while started.elapsed() < time {
        if let Some((step, phase)) = contender.survey(|layout| planner.next(layout)) {
            if writes.publish(contender, &step, phase) && phase == Phase::Begin {
                planner.begun(step);
            }
        }
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
    while let Some((step, phase)) = planner.last() {
        writes.publish(contender, &step, phase);
    }
    writes.took = started.elapsed();
    writes
}

impl Writes {
    pub(crate) fn per_second(&self) -> f64 {
        rate(self.log.len(), self.took)
    }

    /// Says whether the step was accepted.
    fn publish(&mut self, contender: &impl Contender, step: &Step, phase: Phase) -> bool {
        let started = Instant::now();
        let published = contender.publish(step, phase);
        let latency = started.elapsed();
        match published {
            Ok(revision) => {
                self.latencies.record(latency);
                self.log.push(Accepted { revision, step: step.clone(), phase });
                true
            }
            Err(refused) => {
                self.refused += 1;
                // Nobody else may touch what this writer has begun.
                let excused = refused.expected && phase != Phase::Commit;
                self.checks.expect(excused, || format!("{step:?}, {phase:?}: {}", refused.why));
                false
            }
        }
    }
}
