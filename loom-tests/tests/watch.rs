//! Followers of the real router, and the real signal under them: no notice is lost, so that a follower who waits comes to the
//! last table in every order of events (a lost notice leaves it asleep, and loom reports a deadlock); its steps join up and
//! lead to what is newest when they are made; and the last table comes before the end. Twins: `notify_before_publish`,
//! `listen_after_check`, `closed_after_look`, `seat_kept`, `deaf_push`, `mute_take`.
//!
//! Loom stands in for the thread that sleeps (`block_on` in `src/sync/model.rs`), and wakes it for no reason once. To wake
//! orders the waker before the woken, as every executor has to; who is not woken is ordered by nothing but the signal.

#![cfg(loom)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::thread::{self, JoinHandle};
use shardway::{NodeId, Router, ShardId, Step, Watch};
use shardway_loom_tests::check;

const SHARD: ShardId = ShardId(1);

fn publish(router: &Router, node: u64) {
    router.transfer(SHARD, NodeId(node)).unwrap();
}

/// Where the steps led, each of which has to begin where the one before ended.
struct Path(Vec<u64>);

impl Path {
    fn of(watch: &Watch) -> Self {
        Self(vec![watch.snapshot().revision()])
    }

    fn now(&self) -> u64 {
        *self.0.last().unwrap()
    }

    fn go(&mut self, step: &Step) {
        assert_eq!(step.older.revision(), self.now(), "a step begins elsewhere");
        assert!(step.newer.revision() > self.now(), "a step leads back");
        assert_eq!(step.diff().count(), 1);
        self.0.push(step.newer.revision());
    }
}

/// Waits until the table of this revision has come.
fn follow(mut watch: Watch, last: u64) -> Vec<u64> {
    let mut path = Path::of(&watch);
    while path.now() < last {
        path.go(&watch.wait().expect("the router is open"));
    }
    path.0
}

/// Waits until the router is closed.
fn follow_to_the_end(mut watch: Watch) -> Vec<u64> {
    let mut path = Path::of(&watch);
    while let Some(step) = watch.wait() {
        path.go(&step);
    }
    assert!(watch.is_closed() && watch.wait().is_none(), "closed before the last table");
    path.0
}

fn follower(router: &Router, last: u64) -> JoinHandle<Vec<u64>> {
    let watch = router.watch();
    thread::spawn(move || follow(watch, last))
}

// Bound 3: 4,004 executions, 1 s.
#[test]
fn two_publishes_and_a_follower() {
    let outcomes = check("watch: two publishes, a follower", Some(3), || {
        let router = Router::whole(NodeId(1));
        let follower = follower(&router, 3);
        publish(&router, 2);
        publish(&router, 3);
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [vec![1, 2, 3], vec![1, 3]]);
}

// Bound 3: 292,872 executions, 25 s.
#[test]
fn two_writers_and_a_follower() {
    let outcomes = check("watch: two writers, a follower", Some(3), || {
        let router = Router::whole(NodeId(1));
        let follower = follower(&router, 3);
        let writer = {
            let router = router.clone();
            thread::spawn(move || publish(&router, 2))
        };
        publish(&router, 3);
        writer.join().unwrap();
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [vec![1, 2, 3], vec![1, 3]]);
}

// Bound 2: 6,097 executions, 1 s.
#[test]
fn two_followers() {
    let outcomes = check("watch: a publish, two followers", Some(2), || {
        let router = Router::whole(NodeId(1));
        let followers = [follower(&router, 2), follower(&router, 2)];
        publish(&router, 2);
        followers.map(|follower| follower.join().unwrap())
    });
    assert_eq!(outcomes, [[vec![1, 2], vec![1, 2]]]);
}

// Bound 3: 3,200 executions, 1 s.
#[test]
fn a_watch_that_begins_during_a_publish() {
    let outcomes = check("watch: two publishes, a watch that begins meanwhile", Some(3), || {
        let router = Router::whole(NodeId(1));
        let follower = {
            let router = router.clone();
            thread::spawn(move || follow(router.watch(), 3))
        };
        publish(&router, 2);
        publish(&router, 3);
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [vec![1, 2, 3], vec![1, 3], vec![2, 3], vec![3]]);
}

// Bound 3: 2,627 executions, 0.4 s.
#[test]
fn a_router_that_closes() {
    let outcomes = check("watch: a publish and the close, a follower", Some(3), || {
        let router = Router::whole(NodeId(1));
        let watch = router.watch();
        let follower = thread::spawn(move || follow_to_the_end(watch));
        publish(&router, 2);
        drop(router);
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [[1, 2]]);
}

// Bound 2: 3,892 executions, 1 s.
#[test]
fn the_close_on_two_followers() {
    let outcomes = check("watch: the close, two followers", Some(2), || {
        let router = Router::whole(NodeId(1));
        let followers =
            [router.watch(), router.watch()].map(|watch| thread::spawn(move || follow_to_the_end(watch)));
        drop(router);
        followers.map(|follower| follower.join().unwrap())
    });
    assert_eq!(outcomes, [[[1], [1]]]);
}

/// Begins to wait, and gives it up.
fn give_up(watch: &mut Watch) -> Option<Step> {
    match pin!(watch.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(step) => step,
        Poll::Pending => None,
    }
}

// Bound 3: 5,826 executions, 1 s.
#[test]
fn a_wait_that_is_given_up() {
    let outcomes = check("watch: two publishes, a follower that gives up and waits again", Some(3), || {
        let router = Router::whole(NodeId(1));
        let mut watch = router.watch();
        let follower = thread::spawn(move || {
            let mut path = Path::of(&watch);
            if let Some(step) = give_up(&mut watch) {
                path.go(&step);
            }
            while path.now() < 3 {
                path.go(&watch.wait().expect("the router is open"));
            }
            path.0
        });
        publish(&router, 2);
        publish(&router, 3);
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [vec![1, 2, 3], vec![1, 3]]);
}

// Bound 3: 4,193 executions, 1 s.
#[test]
fn a_seat_that_is_handed_on() {
    let outcomes = check("watch: two publishes, a follower on the seat of one that went", Some(3), || {
        let router = Router::whole(NodeId(1));
        let mut gone = router.watch();
        assert!(give_up(&mut gone).is_none());
        drop(gone);
        // Its seat still lies on the stack.
        let follower = follower(&router, 3);
        publish(&router, 2);
        publish(&router, 3);
        follower.join().unwrap()
    });
    assert_eq!(outcomes, [vec![1, 2, 3], vec![1, 3]]);
}
