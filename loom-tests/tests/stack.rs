//! The stack itself, the code that the library runs: each value that is pushed is taken exactly once, the last pushed first,
//! by a thread that sees all of it, and none leaks. Twins: `relaxed_push`, `relaxed_take`.

#![cfg(loom)]

#[allow(dead_code, unused_imports, reason = "only the stack is wanted")]
#[path = "../../src/sync/mod.rs"]
mod sync;

use std::sync::Arc;

use loom::alloc::Track;
use loom::cell::UnsafeCell;
use loom::thread;
use shardway_loom_tests::check;

use sync::Stack;

/// A number that loom sees: who reads it without having acquired it fails, and so does a model that leaks it.
struct Value(Track<UnsafeCell<usize>>);

impl Value {
    fn new(number: usize) -> Self {
        let value = Self(Track::new(UnsafeCell::new(0)));
        // SAFETY: nobody else has it yet.
        value.0.get_ref().with_mut(|place| unsafe { *place = number });
        value
    }

    fn read(self) -> usize {
        // SAFETY: loom fails the model if another thread may be writing.
        self.0.get_ref().with(|place| unsafe { *place })
    }
}

fn push(stack: &Arc<Stack<Value>>, numbers: [usize; 2]) -> thread::JoinHandle<()> {
    let stack = Arc::clone(stack);
    thread::spawn(move || numbers.into_iter().map(Value::new).for_each(|value| stack.push(value)))
}

fn take(stack: &Stack<Value>) -> Vec<usize> {
    stack.take_all().map(Value::read).collect()
}

// Bound 4: 5,100 executions, 1 s.
#[test]
fn two_pushers_and_a_taker() {
    let outcomes = check("stack: two pushers, a taker", Some(4), || {
        let stack = Arc::new(Stack::default());
        let pushers = [push(&stack, [1, 2]), push(&stack, [3, 4])];
        let some = take(&stack);
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        let pushed: Vec<_> = [take(&stack), some.clone()].concat().into_iter().rev().collect();
        for of in [[1, 2], [3, 4]] {
            assert!(pushed.iter().filter(|number| of.contains(number)).eq(&of), "{pushed:?}");
        }
        assert_eq!(pushed.len(), 4);
        (some.len(), pushed)
    });
    // Six orders, cut in one of five places.
    assert_eq!(outcomes.len(), 30);
}

// Bound 3: 11,365 executions, 1 s.
#[test]
fn two_pushers_and_two_takers() {
    let outcomes = check("stack: two pushers, two takers", Some(3), || {
        let stack = Arc::new(Stack::default());
        let push = |number| {
            let stack = Arc::clone(&stack);
            thread::spawn(move || stack.push(Value::new(number)))
        };
        let pushers = [push(1), push(2)];
        let taker = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || take(&stack))
        };
        let some = take(&stack);
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        let taken = [some, taker.join().unwrap(), take(&stack)];
        let mut all = taken.concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        taken
    });
    // Each value with one of the three, and in either order if both are with one.
    assert_eq!(outcomes.len(), 12);
}

// No bound: 10 executions.
#[test]
fn what_is_left_is_dropped() {
    let outcomes = check("stack: a taker that stops half-way, and a stack that is dropped", None, || {
        let stack = Arc::new(Stack::default());
        let pusher = push(&stack, [1, 2]);
        let first = stack.take_all().next().map(Value::read);
        pusher.join().unwrap();
        first
    });
    assert_eq!(outcomes, [None, Some(1), Some(2)]);
}
