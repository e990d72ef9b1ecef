//! Runs the models in `tests/`; see `README.md`.

#![cfg(loom)]
#![allow(clippy::disallowed_types, reason = "what counts executions must be invisible to loom")]

mod quarantine;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Instant;

use loom::model::Builder;

/// Runs `model` in every interleaving with at most `preemptions` involuntary switches between threads (or, where there is such
/// a bound, as many as `LOOM_MAX_PREEMPTIONS` says), and prints in one line what it was and how many those were.
///
/// Gives what the model returned, each value once, in their order: a model that never comes to the places that it is about
/// would pass, so each test says what must have come out.
pub fn check<O, M>(what: &str, preemptions: Option<usize>, model: M) -> Vec<O>
where
    O: Ord + Send + 'static,
    M: Fn() -> O + Send + Sync + 'static,
{
    let mut builder = Builder::new();
    builder.preemption_bound = bound(preemptions, builder.preemption_bound);
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
    tell_of_failures();
    RUNNING.set(Some((what.into(), Arc::clone(&executions))));
    builder.check(observed);
    RUNNING.take();

    let (executions, seconds) = (executions.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
    let outcomes = Vec::from_iter(std::mem::take(&mut *outcomes.lock().unwrap()));
    let different = outcomes.len();
    println!("model: {what}: {bound}, {executions} executions, {different} outcomes, {seconds:.1} s");
    outcomes
}

/// What bounds a model with this bound of its own, where another is asked for. One without stays without: what is asked for
/// would look at less.
fn bound(own: Option<usize>, asked: Option<usize>) -> Option<usize> {
    own.map(|own| asked.unwrap_or(own))
}

#[test]
fn a_model_without_a_bound_stays_without() {
    assert_eq!(bound(None, Some(5)), None);
    assert_eq!((bound(Some(3), Some(5)), bound(Some(3), None)), (Some(5), Some(3)));
}

thread_local! {
    /// The model that this thread runs, and how many executions it has begun.
    static RUNNING: RefCell<Option<(String, Arc<AtomicUsize>)>> = const { RefCell::new(None) };
}

/// Has a model that fails say so where it panics: after a deadlock there is no coming back, since loom panics again while it
/// cleans up.
fn tell_of_failures() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some((what, executions)) = RUNNING.take() {
                println!("model: {what}: fails at execution {}", executions.load(Ordering::Relaxed));
            }
            before(info);
        }));
    });
}
