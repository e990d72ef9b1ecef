//! A client's cache on real threads and in tasks: each missing part is loaded once, whoever loads may fail, panic or be given up,
//! and readers are served meanwhile. What is learned and what is forgotten is held against a list in `tests/checks/cache.rs`.

#![allow(clippy::disallowed_types, reason = "the tests count loads")]

use std::future::{Future, pending};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use futures_lite::future::{block_on, yield_now};
use shardway::{
    Access, Change, Denial, Error, KeyRange, LoadError, Missing, NodeId, Refusal, RouteCache, Router,
    ShardId, ShardRecord, Table, Timestamp,
};

const NOW: Timestamp = Timestamp(0);

fn key(number: u16) -> [u8; 2] {
    number.to_be_bytes()
}

fn two_bytes(number: u32) -> [u8; 2] {
    let [_, _, upper, lower] = number.to_be_bytes();
    [upper, lower]
}

/// So many shards of equal width over all keys of two bytes.
fn table(shards: u16) -> Table {
    let start = |shard: u16| key(shard * (u16::MAX / shards));
    let range = |shard| match shard {
        0 if shards == 1 => KeyRange::full(),
        0 => KeyRange::try_from(&[][..]..&start(1)[..]).unwrap(),
        last if last + 1 == shards => KeyRange::from(start(last)..),
        shard => KeyRange::try_from(start(shard)..start(shard + 1)).unwrap(),
    };
    let record = |shard| ShardRecord::new(ShardId(u64::from(shard) + 1), range(shard), NodeId(1));
    Table::from_records((0..shards).map(record)).unwrap()
}

fn owner(table: &Table, missing: &Missing) -> Vec<ShardRecord> {
    table.owner(&missing.key).map(|shard| shard.to_record()).into_iter().collect()
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future>(future: &mut std::pin::Pin<&mut F>, woken: &Arc<Woken>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
}

#[test]
fn each_missing_part_is_loaded_once_however_many_threads_want_it() {
    let (threads, shards) = if cfg!(miri) { (3, 4) } else { (8, 64) };
    let (truth, cache, loads) = (table(shards), RouteCache::new(), AtomicUsize::new(0));
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for thread in 0..threads {
            let (truth, cache, loads, start) = (&truth, &cache, &loads, &start);
            scope.spawn(move || {
                start.wait();
                let mut reader = cache.reader();
                for turn in 0..4 * shards {
                    let wanted =
                        key((turn.wrapping_mul(7_919)).wrapping_add(u16::try_from(thread).unwrap() * 977));
                    let route = cache.resolve_or_load(wanted, NOW, |missing| {
                        assert!(missing.part.contains(wanted) && missing.key.as_bytes() == wanted);
                        loads.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                        Ok::<_, Error>(owner(truth, &missing))
                    });
                    assert_eq!(route.ok(), truth.resolve(wanted).ok());
                    assert_eq!(reader.resolve(wanted), truth.resolve(wanted), "it is there for all");
                }
            });
        }
    });
    assert_eq!(loads.into_inner(), cache.snapshot().len());
    cache.snapshot().verify().unwrap();
}

/// Parts apart from each other are loaded at the same time: neither load ends before both have begun.
#[test]
fn different_parts_are_loaded_side_by_side() {
    let (truth, cache) = (table(3), RouteCache::new());
    cache.learn(owner(&truth, &missing_at(&truth, key(30_000))), NOW);
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for wanted in [key(1), key(60_000)] {
            let (truth, cache, both) = (&truth, &cache, &both);
            scope.spawn(move || {
                let route = cache.resolve_or_load(wanted, NOW, |missing| {
                    both.wait();
                    Ok::<_, Error>(owner(truth, &missing))
                });
                assert_eq!(route.unwrap(), truth.resolve(wanted).unwrap());
            });
        }
    });
    assert_eq!(cache.snapshot().gaps().next(), None);
}

/// What a loader would be asked for by an empty cache.
fn missing_at(truth: &Table, wanted: [u8; 2]) -> Missing {
    let asked = Mutex::new(None);
    let cache = RouteCache::new();
    let loaded = cache.resolve_or_load(wanted, NOW, |missing| {
        *asked.lock().unwrap() = Some(missing.clone());
        Ok::<_, Error>(owner(truth, &missing))
    });
    assert!(loaded.is_ok());
    asked.into_inner().unwrap().unwrap()
}

/// One load may bring all that is missing, and more.
#[test]
fn a_load_brings_as_much_as_it_likes() {
    let (truth, cache) = (table(16), RouteCache::new());
    let all = |missing: Missing| {
        Ok::<_, Error>(truth.range(&missing.part).map(|shard| shard.to_record()).collect::<Vec<_>>())
    };
    assert_eq!(cache.resolve_or_load(key(9), NOW, all).ok(), truth.resolve(key(9)).ok());
    assert_eq!(cache.snapshot().len(), 16);
    let never = |_| -> Result<_, Error> { panic!("nothing is missing") };
    assert_eq!(cache.resolve_or_load(key(60_000), NOW, never).ok(), truth.resolve(key(60_000)).ok());
}

/// The first caller is given up half-way, and one of the others loads in its place; who comes late finds what that one brought.
#[test]
fn a_leader_that_is_given_up_harms_nobody() {
    let (truth, cache, loads) = (table(1), RouteCache::new(), AtomicUsize::new(0));
    let load = |missing: Missing| {
        loads.fetch_add(1, Ordering::Relaxed);
        let found = owner(&truth, &missing);
        async move {
            yield_now().await;
            Ok::<_, Error>(found)
        }
    };
    let (first, second, third): (Arc<Woken>, Arc<Woken>, Arc<Woken>) = Default::default();
    let mut waiting = Box::pin(cache.resolve_or_load_async(key(2), NOW, load));
    {
        let mut leader = pin!(cache.resolve_or_load_async(key(1), NOW, |_| pending::<Result<_, Error>>()));
        assert!(poll(&mut leader, &first).is_pending());
        assert!(poll(&mut waiting.as_mut(), &second).is_pending());
        assert!(poll(&mut waiting.as_mut(), &third).is_pending(), "asked again with another waker");
        assert_eq!(loads.load(Ordering::Relaxed), 0);
    }
    let counts = [&first, &second, &third].map(|woken| woken.0.load(Ordering::Relaxed));
    assert_eq!(counts, [0, 0, 1], "the last waker of who waits");
    let other = thread::scope(|scope| {
        // Has to wait until somebody polls the one that leads now.
        assert!(poll(&mut waiting.as_mut(), &third).is_pending());
        let other =
            scope.spawn(|| cache.resolve_or_load(key(3), NOW, |_| -> Result<_, Error> { panic!("twice") }));
        assert!(block_on(waiting).is_ok());
        other.join().unwrap()
    });
    assert!(other.is_ok());
    assert_eq!(loads.into_inner(), 1);
}

#[test]
fn who_waits_may_be_given_up_too() {
    let (truth, cache) = (table(1), RouteCache::new());
    let found = owner(&truth, &missing_at(&truth, key(1)));
    let (leads, gone, stays): (Arc<Woken>, Arc<Woken>, Arc<Woken>) = Default::default();
    let never = |_| async { panic!("another loads") as Result<_, Error> };
    let mut leader = pin!(cache.resolve_or_load_async(key(1), NOW, |_| async {
        yield_now().await;
        Ok::<_, Error>(found)
    }));
    assert!(poll(&mut leader, &leads).is_pending());
    let mut stayer = pin!(cache.resolve_or_load_async(key(2), NOW, never));
    for _ in 0..100 {
        let mut goer = pin!(cache.resolve_or_load_async(key(2), NOW, never));
        assert!(poll(&mut goer, &gone).is_pending());
    }
    assert!(poll(&mut stayer, &stays).is_pending());
    assert_eq!(Arc::strong_count(&gone), 1, "nothing is left of who is gone");
    assert!(matches!(poll(&mut leader, &leads), Poll::Ready(Ok(_))));
    assert_eq!((gone.0.load(Ordering::Relaxed), stays.0.load(Ordering::Relaxed)), (0, 1));
    assert!(matches!(poll(&mut stayer, &stays), Poll::Ready(Ok(_))));
}

#[test]
fn a_load_that_panics_harms_its_caller_alone() {
    let (truth, cache) = (table(1), RouteCache::new());
    let both = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let panics = |_| -> Result<_, Error> {
                both.wait();
                panic!("the loader's")
            };
            assert!(catch_unwind(AssertUnwindSafe(|| cache.resolve_or_load(key(1), NOW, panics))).is_err());
        });
        both.wait();
        let route = cache.resolve_or_load(key(1), NOW, |missing| Ok::<_, Error>(owner(&truth, &missing)));
        assert_eq!(route.ok(), truth.resolve(key(1)).ok());
    });
}

/// Who waited for a load that fails is told so, and does not queue up to fail in turn. The next one tries again.
#[test]
fn a_load_that_fails_fails_for_all_that_wait() {
    let cache = RouteCache::new();
    let (one, other): (Arc<Woken>, Arc<Woken>) = Default::default();
    let mut leader = pin!(cache.resolve_or_load_async(key(1), NOW, |_| async {
        yield_now().await;
        Err(std::io::Error::other("the link is down"))
    }));
    assert!(poll(&mut leader, &one).is_pending());
    let never = |_| async { panic!("another loads") as Result<_, Error> };
    let mut waiting = pin!(cache.resolve_or_load_async(key(2), NOW, never));
    assert!(poll(&mut waiting, &other).is_pending());
    for result in [poll(&mut leader, &one), poll(&mut waiting, &other)] {
        let Poll::Ready(Err(LoadError::Failed(error))) = result else { panic!("{result:?}") };
        assert_eq!(error.to_string(), "the link is down");
    }
    let again = cache.resolve_or_load(key(2), NOW, |missing| Ok::<_, Error>(owner(&table(1), &missing)));
    assert!(again.is_ok());
}

/// What is forgotten beside a part that is being loaded is a part of its own: nobody loads the same keys twice, or waits for others.
#[test]
fn a_part_that_grows_is_loaded_in_two() {
    let (truth, cache) = (table(3), RouteCache::new());
    let all: Vec<_> = truth.shards().map(|shard| shard.to_record()).collect();
    cache.learn([all[0].clone(), all[2].clone()], NOW);
    let woken: [Arc<Woken>; 3] = Default::default();
    let load = |missing: Missing| {
        let found = owner(&truth, &missing);
        assert_eq!(found[0].range, missing.part);
        async {
            yield_now().await;
            Ok::<_, Error>(found)
        }
    };
    let mut middle = pin!(cache.resolve_or_load_async(key(30_000), NOW, load));
    assert!(poll(&mut middle, &woken[0]).is_pending());
    assert!([&all[0], &all[2]].into_iter().all(|record| cache.forget(record.route().token())));
    let mut upper = pin!(cache.resolve_or_load_async(key(60_000), NOW, load));
    assert!(poll(&mut upper, &woken[1]).is_pending());
    let mut lower = pin!(cache.resolve_or_load_async(key(1), NOW, load));
    assert!(poll(&mut lower, &woken[2]).is_pending());
    assert!(block_on(middle).is_ok() && block_on(upper).is_ok() && block_on(lower).is_ok());
    assert_eq!(cache.snapshot().len(), 3);
}

/// Nobody owns the key: who waited for the same key is told so, who waited for another one asks.
#[test]
fn nobody_is_told_of_other_keys_that_nobody_owns() {
    let range = KeyRange::from(key(100)..);
    let truth = Table::from_records([ShardRecord::new(ShardId(1), range, NodeId(1))]).unwrap();
    let cache = RouteCache::new();
    let loads = AtomicUsize::new(0);
    let load = |missing: Missing| {
        loads.fetch_add(1, Ordering::Relaxed);
        let found = owner(&truth, &missing);
        async {
            yield_now().await;
            Ok::<_, Error>(found)
        }
    };
    let woken: [Arc<Woken>; 3] = Default::default();
    let mut leader = pin!(cache.resolve_or_load_async(key(1), NOW, load));
    let mut same = pin!(cache.resolve_or_load_async(key(1), NOW, load));
    let mut other = pin!(cache.resolve_or_load_async(key(200), NOW, load));
    assert!(poll(&mut leader, &woken[0]).is_pending());
    assert!(poll(&mut same, &woken[1]).is_pending());
    assert!(poll(&mut other, &woken[2]).is_pending());
    assert!(matches!(poll(&mut leader, &woken[0]), Poll::Ready(Err(LoadError::NoOwner))));
    assert!(matches!(poll(&mut same, &woken[1]), Poll::Ready(Err(LoadError::NoOwner))));
    assert!(block_on(other).is_ok());
    assert_eq!(loads.load(Ordering::Relaxed), 2);
    assert_eq!(cache.resolve(key(1)), Err(Refusal::NoOwner));
}

/// An answer that is older than what came meanwhile by another way is no answer.
#[test]
fn an_answer_that_is_overtaken_is_not_learned() {
    let old = Table::whole(NodeId(1));
    let (new, _) = old.apply(&[Change::split(ShardId(1), key(100))]).unwrap();
    let cache = RouteCache::new();
    let upper = new.owner(key(200)).unwrap();
    let overtaken = |missing: Missing| {
        cache.learn([upper.to_record()], NOW);
        Ok::<_, Error>(owner(&old, &missing))
    };
    let refused = cache.resolve_or_load(key(1), NOW, overtaken);
    let Err(LoadError::Refused(Error::NotNewer { shard, known, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((shard, known), (ShardId(1), upper.id()));
    assert_eq!(cache.snapshot().shards().map(|shard| shard.id()).collect::<Vec<_>>(), [upper.id()]);
    // For the key that came meanwhile it is as good as any.
    cache.clear();
    assert_eq!(cache.resolve_or_load(key(200), NOW, overtaken).ok(), new.resolve(key(200)).ok());
}

/// No more routes than asked for, once all calls have returned; the route that a call gives is not lost on its way.
#[test]
fn a_bound_holds_on_many_threads() {
    let (threads, shards) = if cfg!(miri) { (2, 8) } else { (4, 128) };
    let (truth, cache) = (table(shards), RouteCache::bounded(NonZeroUsize::new(5).unwrap()));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (truth, cache) = (&truth, &cache);
            scope.spawn(move || {
                for turn in 0..4 * shards {
                    let wanted = key(turn.wrapping_mul(7_919 + 2 * thread));
                    let now = Timestamp(u64::from(turn));
                    let route = cache.resolve_or_load(wanted, now, |missing| {
                        Ok::<_, Error>(
                            truth.range(&missing.part).take(9).map(|shard| shard.to_record()).collect(),
                        )
                    });
                    match route {
                        Ok(route) => assert_eq!(Ok(route), truth.resolve(wanted)),
                        // It took the first nine of the part, and the key is beyond.
                        Err(LoadError::NoOwner) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    assert!((1..=5).contains(&cache.snapshot().len()), "{}", cache.snapshot().len());
    // As far as any hint tells, nothing is younger than now.
    let left = cache.snapshot().len();
    assert_eq!(cache.forget_older(Duration::ZERO, Timestamp(u64::MAX)), left);
    assert!(cache.snapshot().is_empty());
}

/// Clients with no other source than denials and loads, on threads, while the table changes under them: everybody is served in the
/// end, and what a client knows of a key never goes back.
#[test]
fn denials_cure_while_the_table_changes() {
    let (clients, turns) = if cfg!(miri) { (1, 40) } else { (3, 1_200_u32) };
    let router = Router::new(table(8));
    let (cache, over, asked) = (RouteCache::new(), AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let client = |client: u32| {
            let (router, cache, over, asked) = (&router, &cache, &over, &asked);
            scope.spawn(move || {
                let mut node = router.reader();
                // Relaxed: a stop sign that is seen a little later is as good.
                for turn in (0..).take_while(|turn| *turn < turns || !over.load(Ordering::Relaxed)) {
                    let wanted = two_bytes(turn.wrapping_mul(40_503).wrapping_add(client * 111));
                    let mut counter = 0;
                    loop {
                        let load = |missing: Missing| Ok::<_, Error>(owner(&router.snapshot(), &missing));
                        // A load that another one has overtaken is asked again.
                        let Ok(route) = cache.resolve_or_load(wanted, NOW, load) else { continue };
                        assert!(route.epoch.range >= counter, "{route} goes back");
                        counter = route.epoch.range;
                        match node.admit(route.leader, route.token(), wanted, Access::Read) {
                            Ok(_) => break,
                            Err(Denial::Stale { current }) => {
                                cache.cure(route.token(), current.map(|shard| shard.to_record()), NOW);
                            }
                            // The cache knew before this thread's reader has looked.
                            Err(Denial::Ahead { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let clients: Vec<_> = (0..clients).map(client).collect();
        for turn in 0..turns {
            // In step with them, or it may be done before they have begun. Relaxed: nothing is handed over.
            while asked.load(Ordering::Relaxed) <= turn && !clients.iter().all(ScopedJoinHandle::is_finished)
            {
                thread::yield_now();
            }
            let table = router.snapshot();
            let at = two_bytes(turn.wrapping_mul(25_717) | 1);
            let shard = table.owner(at).unwrap();
            let _ = match turn % 3 {
                0 if table.len() < 40 => router.apply(Change::split(shard.id(), at)),
                1 => match table.next(shard.id()).filter(|next| next.leader() == shard.leader()) {
                    Some(next) => router.apply(Change::merge(shard.id(), next.id())),
                    None => continue,
                },
                _ => router.apply(Change::transfer(shard.id(), NodeId(1 + u64::from(turn) % 3))),
            };
            thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
    cache.snapshot().verify().unwrap();
    assert!(cache.snapshot().revision() > 20, "it was cured");
}

#[test]
fn a_future_goes_to_other_threads() {
    fn check<T: Send>(_: &T) {}
    let cache = RouteCache::new();
    let future = cache.resolve_or_load_async(key(1), NOW, |_| async { Ok::<_, Error>(Vec::new()) });
    check(&future);
    assert!(matches!(block_on(future), Err(LoadError::NoOwner)));
}
