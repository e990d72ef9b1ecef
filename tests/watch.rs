//! Following the table: by threads, tasks and streams, beside writers, on the real wakers; and what one follower does to the
//! others and leaves behind. The orders of events are explored in `loom-tests/tests/watch.rs`.

mod counting;
#[allow(dead_code, reason = "the example draws more")]
#[path = "../examples/hot_path/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::{self, block_on, poll_once};
use random::Random;
use shardway::{
    Change, Difference, KeyRange, NodeId, Router, ShardId, ShardRecord, Snapshot, Step, Table, Watch,
};

const SHARD: ShardId = ShardId(1);
const WRITERS: u64 = 3;
const CHANGES: usize = if cfg!(miri) { 8 } else { 1_000 };

fn publish(router: &Router, times: u64) {
    (0..times).for_each(|_| {
        router.transfer(SHARD, NodeId(1 + router.revision() % 2 + 1)).unwrap();
    });
}

/// What a follower knows, from its first table and the differences alone.
struct Mirror {
    revision: u64,
    shards: BTreeMap<Vec<u8>, ShardRecord>,
}

impl Mirror {
    fn of(table: &Table) -> Self {
        let shards = table.shards().map(|shard| (shard.start().to_vec(), shard.to_record())).collect();
        Self { revision: table.revision(), shards }
    }

    fn go(&mut self, step: &Step) {
        assert_eq!(step.older.revision(), self.revision, "a step begins where the last one ended");
        assert!(step.newer.revision() > self.revision);
        self.revision = step.newer.revision();
        for difference in step.diff() {
            let (old, new) = match difference {
                Difference::Gone(old) => (Some(old), None),
                Difference::New(new) => (None, Some(new)),
                Difference::Changed(old, new) => (Some(old), Some(new)),
            };
            let start = old.or(new).expect("one of the two").start().to_vec();
            let before = match new {
                Some(new) => self.shards.insert(start, new.to_record()),
                None => self.shards.remove(&start),
            };
            assert_eq!(before, old.map(|old| old.to_record()), "what differs is what was known");
        }
    }

    fn assert_is(&self, table: &Table) {
        assert_eq!(self.revision, table.revision());
        assert!(self.shards.values().eq(&Self::of(table).shards.into_values().collect::<Vec<_>>()));
    }
}

/// Follows to the end, in any of the three ways, and is slow now and then.
async fn follow(
    mut watch: Watch,
    seed: u64,
    mut next: impl AsyncFnMut(&mut Watch) -> Option<Step>,
) -> Mirror {
    let mut random = Random::new(seed, 1);
    let mut mirror = Mirror::of(watch.snapshot());
    while let Some(step) = next(&mut watch).await {
        mirror.go(&step);
        (0..random.below(4) * random.below(8)).for_each(|_| thread::yield_now());
    }
    assert!(watch.is_closed() && watch.try_next().is_none() && watch.wait().is_none());
    mirror
}

fn by_blocking(watch: Watch, seed: u64) -> Mirror {
    block_on(follow(watch, seed, async |watch| watch.wait()))
}

fn by_waiting_a_little(watch: Watch, seed: u64) -> Mirror {
    let next = async |watch: &mut Watch| loop {
        match watch.wait_timeout(Duration::from_micros(20)) {
            None if !watch.is_closed() => {}
            done => return done,
        }
    };
    block_on(follow(watch, seed, next))
}

fn by_a_task(watch: Watch, seed: u64) -> Mirror {
    block_on(follow(watch, seed, async |watch| watch.next().await))
}

/// Half of the time, what else there is to do is done first, and the wait is given up.
fn by_a_task_that_selects(watch: Watch, seed: u64) -> Mirror {
    let mut random = Random::new(seed, 2);
    let next = async |watch: &mut Watch| loop {
        let yields = random.below(3);
        let other = async {
            for _ in 0..yields {
                future::yield_now().await;
            }
        };
        let step = future::or(async { Some(watch.next().await) }, async {
            other.await;
            None
        });
        if let Some(done) = step.await {
            return done;
        }
    };
    block_on(follow(watch, seed, next))
}

#[cfg(feature = "stream")]
fn by_a_stream(watch: Watch, seed: u64) -> Mirror {
    use futures_lite::StreamExt;
    block_on(follow(watch, seed, async |watch| StreamExt::next(watch).await))
}

const FORMS: &[fn(Watch, u64) -> Mirror] = &[
    by_blocking,
    by_waiting_a_little,
    by_a_task,
    by_a_task_that_selects,
    #[cfg(feature = "stream")]
    by_a_stream,
];

fn write(router: &Router, seed: u64) {
    let mut random = Random::new(seed, 0);
    let mut key = move || u16::try_from(random.below(1 << 16)).unwrap().to_be_bytes();
    for _ in 0..CHANGES {
        let (table, at) = (router.snapshot(), key());
        let shard = table.owner(at).expect("the table is whole");
        let _ = match (at[1] % 8, table.next(shard.id())) {
            (0..2, Some(next)) => router.apply(Change::merge(shard.id(), next.id())),
            (2..4, _) => router.apply(Change::transfer(shard.id(), NodeId(1 + u64::from(at[0] % 3)))),
            _ => router.apply(Change::split(shard.id(), at)),
        };
    }
}

#[test]
fn followers_of_every_form_come_to_the_last_table_by_differences_alone() {
    let router = Router::whole(NodeId(1));
    let (late, mut still) = (router.watch(), router.watch());
    let last = thread::scope(|scope| {
        let followers: Vec<_> = (0..2)
            .flat_map(|seed| FORMS.iter().map(move |form| (form, seed)))
            .map(|(form, seed)| (router.watch(), form, seed))
            .map(|(watch, form, seed)| scope.spawn(move || form(watch, seed)))
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|seed| {
                let router = router.clone();
                scope.spawn(move || write(&router, 100 + seed))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("a writer panicked"));
        let last = router.snapshot();
        assert!(last.revision() > 2 && last.len() > 1);
        drop(router);
        for follower in followers {
            follower.join().expect("a follower panicked").assert_is(&last);
        }
        last
    });
    // One that sleeps through it all makes one step, also when the router is gone.
    by_blocking(late, 0).assert_is(&last);
    let mut mirror = Mirror::of(still.snapshot());
    mirror.go(&still.try_next().unwrap());
    mirror.assert_is(&last);
}

#[test]
fn a_follower_that_sleeps_keeps_one_table_and_makes_one_step() {
    let many = if cfg!(miri) { 50 } else { 5_000 };
    let router = Router::whole(NodeId(1));
    let mut watch = router.watch();
    let mut also = watch.clone();
    publish(&router, many);
    let retained = router.retained();
    assert_eq!((retained.held, retained.holders, retained.oldest_revision), (1, 2, Some(1)), "{retained:?}");
    assert!(retained.tables <= 8, "{retained:?}");

    let step = watch.try_next().unwrap();
    assert_eq!((step.older.revision(), step.newer.revision()), (1, 1 + many));
    assert_eq!(step.diff().count(), 1, "coalesced");
    assert_eq!((watch.try_next(), watch.snapshot()), (None, &step.newer));
    assert_eq!(also.wait(), Some(step.clone()));
    drop(step);
    router.reclaim();
    assert_eq!(router.retained().tables, 0, "nothing old is held any more");
}

#[test]
fn what_is_undone_is_a_step_without_a_difference() {
    let router = Router::whole(NodeId(1));
    let mut watch = router.watch();
    assert!(!router.transact([Change::bring_online(SHARD)]).unwrap().altered());
    assert_eq!(watch.try_next(), None, "nothing was published");
    router.apply(Change::put_node(shardway::Node::new(NodeId(1), "one"))).unwrap();
    let step = watch.try_next().unwrap();
    assert_eq!((step.newer.revision(), step.diff().count()), (2, 0));
    assert!(step.newer.node(NodeId(1)).is_some() && step.older.node(NodeId(1)).is_none());
}

#[test]
fn a_follower_goes_on_from_any_table() {
    let router = Router::whole(NodeId(1));
    publish(&router, 3);
    let seen = router.snapshot();
    let mut watch = router.watch_from(seen.clone());
    assert_eq!(watch.try_next(), None, "it is the newest");
    publish(&router, 2);
    assert_eq!(router.watch_from(seen.clone()).wait(), watch.try_next());

    // Of a router that is ahead, and has another past.
    let records = [ShardRecord::new(ShardId(7), KeyRange::try_from("a".."m").unwrap(), NodeId(9))];
    let other = Router::new(Table::from_records(records).unwrap());
    (0..20).for_each(|round| other.transfer(ShardId(7), NodeId(10 + round)).unwrap());
    let mut watch = router.watch_from(other.snapshot());
    let step = watch.wait().unwrap();
    assert_eq!((step.older, &step.newer), (other.snapshot(), &router.snapshot()));
    assert_eq!(watch.try_next(), None);
    publish(&router, 1);
    assert_eq!(watch.wait().unwrap().older, step.newer);
}

#[test]
fn a_wait_with_an_end_ends_and_loses_nothing() {
    let router = Router::whole(NodeId(1));
    let mut watch = router.watch();
    assert_eq!(watch.wait_timeout(Duration::from_millis(1)), None);
    assert_eq!(watch.wait_deadline(Instant::now()), None);
    assert!(!watch.is_closed());
    publish(&router, 1);
    // What is there is given, even without time.
    assert_eq!(watch.wait_timeout(Duration::ZERO).unwrap().newer.revision(), 2);
    publish(&router, 1);
    assert_eq!(watch.wait_timeout(Duration::MAX).unwrap().newer.revision(), 3);
    drop(router);
    assert_eq!((watch.wait_timeout(Duration::MAX), watch.is_closed()), (None, true));
}

#[test]
fn the_last_handle_closes_and_the_last_table_comes_first() {
    let router = Router::whole(NodeId(1));
    let (mut watch, other) = (router.watch(), router.clone());
    let (mut reader, snapshot) = (router.reader(), router.snapshot());
    drop(router);
    assert!(!watch.is_closed(), "a handle is left");
    publish(&other, 1);
    drop(other);
    assert!(!watch.is_closed(), "there is one step more");
    assert_eq!(watch.wait().unwrap().newer.revision(), 2);
    assert_eq!((watch.wait(), block_on(watch.next()), watch.is_closed()), (None, None, true));
    let mut late = watch.clone();
    assert_eq!(late.wait(), None);
    assert_eq!(
        (reader.table().revision(), snapshot.revision()),
        (2, 1),
        "these don't keep it open, and stay"
    );
}

#[test]
fn the_close_wakes_all_that_wait() {
    for round in 0..if cfg!(miri) { 2 } else { 100 } {
        let router = Router::whole(NodeId(1));
        thread::scope(|scope| {
            for form in FORMS {
                let watch = router.watch();
                scope.spawn(move || assert_eq!(form(watch, round).revision, 1));
            }
            (0..round % 10).for_each(|_| thread::yield_now());
            drop(router);
        });
    }
}

/// A waker that does something.
struct Waking<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Waking<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(wake: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Waking(wake)))
}

/// A waker that says its name.
fn named(name: u32, heard: &Sender<u32>) -> Waker {
    let heard = heard.clone();
    waker(move || heard.send(name).unwrap())
}

fn poll(future: Pin<&mut impl Future<Output = Option<Step>>>, waker: &Waker) -> Poll<Option<Step>> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn the_waker_of_the_last_poll_is_woken_once_and_none_is_left_behind() {
    let router = Router::whole(NodeId(1));
    let (send, heard) = mpsc::channel();
    let heard = || heard.try_iter().collect::<Vec<_>>();
    let held = Arc::new(Waking(|| ()));
    let mut watch = router.watch();
    {
        let mut next = pin!(watch.next());
        for _ in 0..1_000 {
            assert!(poll(next.as_mut(), &Waker::from(Arc::clone(&held))).is_pending());
            assert!(Arc::strong_count(&held) <= 2, "one waker, however often it is polled");
        }
        assert!(poll(next.as_mut(), &named(1, &send)).is_pending());
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(poll(next.as_mut(), &named(2, &send)).is_pending());
        publish(&router, 2);
        assert_eq!(heard(), [2], "who does not wait any more is not woken again");
        assert!(matches!(poll(next, &named(3, &send)), Poll::Ready(Some(_))));
        publish(&router, 1);
        assert_eq!(heard(), []);
    }
    // Given up, it takes its waker along; what came meanwhile is there for the next.
    watch.try_next().unwrap();
    assert!(poll(pin!(watch.next()), &named(4, &send)).is_pending());
    publish(&router, 1);
    assert_eq!((heard(), block_on(poll_once(watch.next())).is_some()), (vec![], true));
    // So does a watch that goes, and its seat is the next one's.
    assert!(poll(pin!(watch.next()), &named(5, &send)).is_pending());
    drop(watch);
    let mut watch = router.watch();
    let mut next = pin!(watch.next());
    assert!(poll(next.as_mut(), &named(6, &send)).is_pending());
    publish(&router, 1);
    assert_eq!(heard(), [6]);
}

#[test]
fn a_follower_that_panics_harms_nobody() {
    let router = Router::whole(NodeId(1));
    let (send, heard) = mpsc::channel();
    let mut watches = [(); 5].map(|()| router.watch());
    let mut waiting: Vec<_> = watches.iter_mut().map(|watch| Box::pin(watch.next())).collect();
    for (name, next) in (0..).zip(&mut waiting) {
        let broken = waker(|| panic!("on purpose"));
        let waker = if name % 2 == 1 { broken } else { named(name, &send) };
        assert!(poll(next.as_mut(), &waker).is_pending());
    }
    publish(&router, 1);
    let mut woken: Vec<_> = heard.try_iter().collect();
    woken.sort_unstable();
    assert_eq!((woken, router.revision()), (vec![0, 2, 4], 2));
    drop(waiting);

    let follower = {
        let mut watch = router.watch();
        thread::spawn(move || {
            let _step = watch.wait();
            panic!("on purpose")
        })
    };
    publish(&router, 1);
    assert!(follower.join().is_err());
    publish(&router, 1);
    assert!(watches.iter_mut().all(|watch| watch.wait().unwrap().newer.revision() == 4));
}

#[test]
fn a_waker_may_publish_and_watch() {
    let router = Router::whole(NodeId(1));
    let mut watch = router.watch();
    let mut next = pin!(watch.next());
    let again = router.clone();
    let waker = waker(move || {
        let mut watch = again.watch();
        publish(&again, 1);
        assert_eq!(watch.wait().unwrap().newer.revision(), 3);
    });
    assert!(poll(next.as_mut(), &waker).is_pending());
    publish(&router, 1);
    assert_eq!(block_on(next).unwrap().newer.revision(), 3);
}

#[test]
fn watches_come_and_go_without_a_trace() {
    let router = Router::whole(NodeId(1));
    let churn = |count: usize| {
        for _ in 0..count {
            let mut watch = router.watch();
            for _ in 0..3 {
                assert!(block_on(poll_once(watch.next())).is_none());
            }
            drop((watch.clone(), watch));
        }
        counting::live()
    };
    let before = churn(10);
    assert_eq!(churn(if cfg!(miri) { 20 } else { 5_000 }), before, "bytes that live after so many followers");
}

#[test]
fn a_publish_that_nobody_waits_for_allocates_nothing_for_it() {
    let router = Router::whole(NodeId(1));
    let allocated = |times: u64| {
        let before = counting::CALLS.get().0;
        publish(&router, times);
        counting::CALLS.get().0 - before
    };
    let alone = [allocated(10), allocated(10)][1];
    let mut watch = router.watch();
    watch.try_next();
    publish(&router, 10);
    assert_eq!(allocated(10), alone, "beside a watch that does not wait");
}

#[test]
fn handles_go_where_they_are_needed() {
    fn goes_anywhere<T: Send + Sync + Unpin + Clone + std::fmt::Debug + 'static>() {}
    fn is_sent(_: impl Send) {}
    goes_anywhere::<Watch>();
    goes_anywhere::<Step>();
    goes_anywhere::<Snapshot>();
    is_sent(Router::whole(NodeId(1)).watch().next());
}
