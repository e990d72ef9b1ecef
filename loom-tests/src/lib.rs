//! Runs the models in `tests/`; see `README.md`.

#![cfg(loom)]
#![allow(clippy::disallowed_types, reason = "what counts executions must be invisible to loom")]

mod quarantine;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use loom::model::Builder;

/// Runs `model` in every interleaving with at most `preemptions` involuntary switches between threads (or as many as
/// `LOOM_MAX_PREEMPTIONS` says), and prints in one line what it was and how many those were.
///
/// Gives what the model returned, each value once, in their order: a model that never comes to the places that it is about
/// would pass, so each test says what must have come out.
pub fn check<O, M>(what: &str, preemptions: Option<usize>, model: M) -> Vec<O>
where
    O: Ord + Send + 'static,
    M: Fn() -> O + Send + Sync + 'static,
{
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    let bound = builder.preemption_bound.map_or("no bound".into(), |bound| format!("bound {bound}"));

    let executions = Arc::new(AtomicUsize::new(0));
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let observed = {
        let (executions, outcomes) = (Arc::clone(&executions), Arc::clone(&outcomes));
        move || {
            executions.fetch_add(1, Ordering::Relaxed);
            let outcome = model();
            outcomes.lock().unwrap().insert(outcome);
        }
    };
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| builder.check(observed)));

    let (executions, seconds) = (executions.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
    if let Err(panic) = result {
        println!("model: {what}: fails at execution {executions}");
        resume_unwind(panic);
    }
    let outcomes = Vec::from_iter(std::mem::take(&mut *outcomes.lock().unwrap()));
    let different = outcomes.len();
    println!("model: {what}: {bound}, {executions} executions, {different} outcomes, {seconds:.1} s");
    outcomes
}
