//! The registry itself, the code that the library runs: who is there is listed, who has gone is not, what is listed is seen whole,
//! and each node is retired once. Twins: `relaxed_enter`, `relaxed_sweep`, `unlinked_twice`.

#![cfg(loom)]

#[allow(dead_code, unused_imports, reason = "only the registry is wanted")]
#[path = "../../src/sync/mod.rs"]
mod sync;

use std::sync::Arc;

use loom::alloc::Track;
use loom::cell::UnsafeCell;
use loom::thread;
use shardway_loom_tests::check;

use sync::Registry;

/// A number that loom sees: who reads it without having acquired it fails, and so does a model that leaks it.
struct Value(Track<UnsafeCell<usize>>);

// SAFETY: loom fails the model if a thread reads while another may be writing.
unsafe impl Sync for Value {}

impl Value {
    fn new(number: usize) -> Arc<Self> {
        let value = Self(Track::new(UnsafeCell::new(0)));
        // SAFETY: nobody else has it yet.
        value.0.get_ref().with_mut(|place| unsafe { *place = number });
        Arc::new(value)
    }

    fn read(&self) -> usize {
        // SAFETY: see above.
        self.0.get_ref().with(|place| unsafe { *place })
    }
}

fn numbers(registry: &Registry<Value>) -> Vec<usize> {
    registry.list().iter().map(|value| value.read()).collect()
}

/// Comes, and goes again.
fn visit(registry: &Arc<Registry<Value>>, number: usize) -> thread::JoinHandle<()> {
    let registry = Arc::clone(registry);
    thread::spawn(move || {
        let place = registry.enter(Value::new(number));
        registry.leave(place);
    })
}

// Bound 3: 98,153 executions, 20 s.
#[test]
fn two_come_and_go_beside_one_who_stays() {
    let outcomes = check("registry: two visitors, one who stays and lists", Some(3), || {
        let registry = Arc::new(Registry::default());
        let stays = registry.enter(Value::new(0));
        let visitors = [visit(&registry, 1), visit(&registry, 2)];
        let listed = numbers(&registry);
        assert!(listed.contains(&0), "one who is there is not listed: {listed:?}");
        visitors.into_iter().for_each(|visitor| visitor.join().unwrap());
        assert_eq!(numbers(&registry), [0], "one who has gone is listed");
        registry.leave(stays);
        assert!(numbers(&registry).is_empty());
        listed
    });
    assert!(
        outcomes.contains(&vec![0]) && outcomes.contains(&vec![2, 1, 0]) && outcomes.contains(&vec![1, 2, 0])
    );
}

// Bound 3: 127,828 executions, 22 s.
#[test]
fn neighbours_go_at_once() {
    let outcomes = check("registry: two neighbours go, one lists", Some(3), || {
        let registry = Arc::new(Registry::default());
        let [first, second, _stays] = [0, 1, 2].map(|number| registry.enter(Value::new(number)));
        let goers = [first, second].map(|place| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || registry.leave(place))
        });
        let listed = numbers(&registry);
        assert!(listed.contains(&2) && listed.is_sorted_by(|one, other| one > other), "{listed:?}");
        goers.into_iter().for_each(|goer| goer.join().unwrap());
        assert_eq!(numbers(&registry), [2], "one who has gone is listed");
        listed
    });
    assert_eq!(outcomes.len(), 4, "each of the two is there, or not");
}
