//! What threads saw of a router, stamped and checked for linearisability: each call takes effect at one moment between its
//! beginning and its end.
//!
//! Every accepted transaction has a revision of its own, and every other call saw one, so no search for an order is needed.
//!
//! **Theorem.** Let each call have a beginning and an end on one clock, and a revision. The history is linearisable if
//!
//! 1. the accepted transactions have the revisions that follow the first table's, each once, without a hole, and table `r` is
//!    what the transaction of revision `r` makes of table `r - 1`;
//! 2. each answer of revision `r` is table `r`'s, and each refusal of a transaction that was last planned on revision `r` is
//!    table `r`'s;
//! 3. if call `a` ended before call `b` began, `b` has no lesser revision than `a`, and a greater one if `b` is an accepted
//!    transaction.
//!
//! *Proof.* Order the calls by revision; among equal ones, the accepted transaction first, then the others by their beginning.
//! Run one after the other in this order, each call says what it said: a transaction of revision `r` comes when the table is
//! `r - 1`, by 1, and the others of revision `r` after it and before the next one, by 2. The order is also one of real time. Let
//! `a` end before `b` begins. By 3, `b`'s revision is greater, and `b` comes later; or it is equal, and `b` is no accepted
//! transaction. Then `a` comes first: as that transaction, or as another that began before `b` did. ∎
//!
//! A one-shot look-up tells no revision. It is checked that there is one that it can have by 2 and 3; since it writes nothing,
//! and its moment binds no other call's, the others' order holds with it.
//!
//! There are more threads than cores, and they yield at random: between the steps of a call, and inside plans. The stamps
//! themselves order threads, more than the router has to; `tests/threads.rs` and the models do without.
//! `SHARDWAY_LONG=1 cargo test --release --test histories -- --nocapture` checks many more.

#![allow(clippy::disallowed_types, reason = "a clock that all threads share")]

#[allow(dead_code, reason = "the example draws more")]
#[path = "../examples/hot_path/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use random::Random;
use shardway::{Change, Error, NodeId, Refusal, Route, Router, Table};

/// Draws keys and changes.
struct Draw(Random);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.below(limit)
    }

    fn key(&mut self) -> [u8; 1] {
        [u8::try_from(self.below(24) * 10).unwrap_or(0)]
    }

    fn maybe_yield(&mut self) {
        if self.below(4) == 0 {
            thread::yield_now();
        }
    }

    fn change(&mut self, table: &Table) -> Option<Change> {
        let shard = table.owner(self.key())?;
        Some(match self.below(6) {
            0..2 => Change::split(shard.id(), self.key()),
            2..4 => Change::merge(shard.id(), table.next(shard.id())?.id()),
            _ => Change::transfer(shard.id(), NodeId(1 + self.below(3))),
        })
    }
}

type Answer = Result<Route, Refusal>;

enum What {
    /// It was accepted, with the revision that it made.
    Published(u64, Change),
    /// It was refused on this revision.
    Refused(u64, Change, Error),
    /// It altered nothing on this revision.
    Unaltered(u64, Change),
    /// An answer from a table of this revision.
    Read(u64, [u8; 1], Answer),
    /// A revision alone.
    Revision(u64),
    /// An answer from some table.
    OneShot([u8; 1], Answer),
}

/// What a thread did, and when.
struct Call {
    began: u64,
    ended: u64,
    what: What,
}

impl Call {
    fn revision(&self) -> Option<u64> {
        match &self.what {
            What::Published(revision, _)
            | What::Refused(revision, ..)
            | What::Unaltered(revision, _)
            | What::Read(revision, ..)
            | What::Revision(revision) => Some(*revision),
            What::OneShot(..) => None,
        }
    }
}

struct Clock(AtomicU64);

impl Clock {
    fn stamp(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

fn transact(router: &Router, random: &mut Draw) -> Option<What> {
    // What the last plan was made on, and what it was: what is refused or alters nothing was so there.
    let mut planned = None;
    let result = router.transact_with(|table| {
        let change = random.change(table);
        planned = change.clone().map(|change| (table.revision(), change));
        random.maybe_yield();
        Ok::<_, Error>(change.into_iter().collect::<Vec<_>>())
    });
    let (revision, change) = planned?;
    Some(match result {
        Ok(summary) if summary.altered() => What::Published(summary.revision, change),
        Ok(_) => What::Unaltered(revision, change),
        Err(error) => What::Refused(revision, change, error),
    })
}

fn live(router: &Router, clock: &Clock, seed: u64, calls: usize) -> Vec<Call> {
    let mut random = Draw(Random::new(seed, 0));
    let mut reader = router.reader();
    let mut history = Vec::with_capacity(calls);
    let writes = seed % 2;
    while history.len() < calls {
        let key = random.key();
        random.maybe_yield();
        let began = clock.stamp();
        random.maybe_yield();
        let what = match random.below(8) {
            0..4 if writes == 1 => transact(router, &mut random),
            0..3 => {
                let table = reader.table();
                let revision = table.revision();
                random.maybe_yield();
                Some(What::Read(revision, key, table.resolve(key)))
            }
            3 | 4 => {
                let snapshot = router.snapshot();
                random.maybe_yield();
                Some(What::Read(snapshot.revision(), key, snapshot.resolve(key)))
            }
            5 => Some(What::Revision(router.revision())),
            6 => Some(What::OneShot(key, reader.resolve(key))),
            _ => Some(What::OneShot(key, router.resolve(key))),
        };
        random.maybe_yield();
        let ended = clock.stamp();
        history.extend(what.map(|what| Call { began, ended, what }));
    }
    history
}

/// Checks all three conditions of the theorem, or says which does not hold.
fn check(first: &Table, calls: &[Call]) -> Result<(), String> {
    let mut published = BTreeMap::new();
    for call in calls {
        if let What::Published(revision, change) = &call.what {
            if published.insert(*revision, change).is_some() {
                return Err(format!("revision {revision} was made twice"));
            }
        }
    }
    let mut tables = vec![first.clone()];
    for (revision, change) in published {
        let last = &tables[tables.len() - 1];
        if revision != last.revision() + 1 {
            return Err(format!("revision {revision} follows {}", last.revision()));
        }
        let next =
            last.apply(std::slice::from_ref(change)).map_err(|error| format!("accepted, but {error}"))?.0;
        tables.push(next);
    }
    let table = |revision: u64| {
        let place = usize::try_from(revision - first.revision()).unwrap_or(usize::MAX);
        tables.get(place).ok_or(format!("nobody made revision {revision}"))
    };
    for call in calls {
        let holds = match &call.what {
            What::Refused(at, change, error) => {
                table(*at)?.apply(std::slice::from_ref(change)).map(drop).as_ref() == Err(error)
            }
            What::Unaltered(at, change) => {
                table(*at)?.apply(std::slice::from_ref(change)).is_ok_and(|(_, summary)| !summary.altered())
            }
            What::Read(at, key, answer) => table(*at)?.resolve(key) == *answer,
            _ => true,
        };
        if !holds {
            return Err(format!("what a call said is not what its table says, at {:?}", call.revision()));
        }
    }
    in_real_time(first, calls, |revision, key| Ok(table(revision)?.resolve(key)))
}

/// The third condition, and the moments of one-shot look-ups, by a sweep over all beginnings and ends.
fn in_real_time(
    first: &Table,
    calls: &[Call],
    answer: impl Fn(u64, &[u8]) -> Result<Answer, String>,
) -> Result<(), String> {
    let mut moments: Vec<(u64, bool, usize)> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        moments.push((call.began, true, place));
        moments.push((call.ended, false, place));
    }
    moments.sort_unstable();
    // The greatest revision of a call that has ended by the time that each begins.
    let mut least = vec![0; calls.len()];
    let mut ended = first.revision();
    for &(_, begins, place) in &moments {
        match (begins, calls[place].revision()) {
            (true, _) => least[place] = ended,
            (false, revision) => ended = ended.max(revision.unwrap_or(0)),
        }
    }
    // The greatest that a call can have, by those that begin after it has ended.
    let mut most = vec![u64::MAX; calls.len()];
    let mut begun = u64::MAX;
    for &(_, begins, place) in moments.iter().rev() {
        let call = &calls[place];
        if begins {
            let published = matches!(call.what, What::Published(..));
            begun = begun.min(call.revision().map_or(u64::MAX, |revision| revision - u64::from(published)));
        } else {
            most[place] = begun;
        }
    }
    let last = calls.iter().filter_map(Call::revision).max().unwrap_or(first.revision());
    for (call, (least, most)) in calls.iter().zip(least.into_iter().zip(most)) {
        match (&call.what, call.revision()) {
            (What::OneShot(key, said), _) => {
                let mut could = least..=most.min(last);
                if !could.clone().any(|revision| answer(revision, key).as_ref() == Ok(said)) {
                    return Err(format!(
                        "a look-up said {said:?}, and no table from {least} to {:?} does",
                        could.next_back()
                    ));
                }
            }
            (What::Published(..), Some(revision)) if revision <= least => {
                return Err(format!("revision {revision} was made after {least} was seen"));
            }
            (_, Some(revision)) if revision < least => {
                return Err(format!("revision {revision} was seen after {least}"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn what_threads_see_is_linearisable() {
    let (rounds, calls) = match std::env::var("SHARDWAY_LONG") {
        Ok(_) => (20_000, 400),
        Err(_) if cfg!(miri) => (1, 20),
        Err(_) => (60, 400),
    };
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let threads = if cfg!(miri) { 3 } else { 4 * cores.min(4) };
    let mut checked = 0;
    for round in 0..rounds {
        let router = Router::whole(NodeId(1));
        let first = Table::clone(&router.snapshot());
        let (clock, start) = (Clock(AtomicU64::new(0)), Barrier::new(threads));
        let history: Vec<Call> = thread::scope(|scope| {
            let spawn = |thread: usize| {
                let (router, clock, start) = (&router, &clock, &start);
                scope.spawn(move || {
                    start.wait();
                    live(router, clock, (round * threads + thread) as u64, calls)
                })
            };
            let threads: Vec<_> = (0..threads).map(spawn).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no thread panics")).collect()
        });
        checked += history.len();
        check(&first, &history).unwrap_or_else(|why| panic!("round {round}: {why}"));
    }
    println!("{rounds} histories of {threads} threads, {checked} calls, all linearisable");
}

/// A checker that accepts everything would accept what is right too.
#[test]
fn histories_that_are_wrong_are_rejected() {
    let first = Table::whole(NodeId(1));
    let shard = first.resolve("").unwrap().shard;
    let change = |node| Change::transfer(shard, NodeId(node));
    let (second, _) = first.apply(&[change(2)]).unwrap();
    let (old, new) = (first.resolve("k"), second.resolve("k"));
    let call = |began, ended, what| Call { began, ended, what };
    let publish = |began, ended| call(began, ended, What::Published(2, change(2)));
    let one_shot = |answer| What::OneShot(*b"k", answer);

    let right = [
        publish(2, 5),
        call(0, 1, one_shot(old)),
        call(3, 4, one_shot(new)),
        call(6, 7, one_shot(new)),
        call(8, 9, What::Read(2, *b"k", new)),
        call(10, 11, What::Unaltered(2, Change::report(shard, shardway::Estimates::default()))),
    ];
    assert_eq!(check(&first, &right), Ok(()));
    let wrong = [
        ("a lost update", vec![publish(0, 1), call(2, 3, What::Published(2, change(3)))]),
        ("a hole", vec![call(0, 1, What::Published(3, change(2)))]),
        ("a table from nowhere", vec![call(0, 1, What::Revision(1)), call(2, 3, What::Read(2, *b"k", new))]),
        ("an answer of another table", vec![publish(0, 1), call(2, 3, What::Read(2, *b"k", old))]),
        ("a stale revision", vec![publish(0, 1), call(2, 3, What::Revision(1))]),
        ("a stale look-up", vec![publish(0, 1), call(2, 3, one_shot(old))]),
        ("a look-up that foresees", vec![call(0, 1, one_shot(new)), publish(2, 3)]),
        (
            "a revision that goes back",
            vec![publish(0, 9), call(1, 2, What::Revision(2)), call(3, 4, What::Revision(1))],
        ),
        ("a publish in the past", vec![publish(4, 5), call(0, 1, What::Revision(2))]),
        (
            "a refusal without a reason",
            vec![call(0, 1, What::Refused(1, change(2), Error::NoSuchShard { shard }))],
        ),
        ("an effect denied", vec![call(0, 1, What::Unaltered(1, change(2)))]),
    ];
    for (what, history) in wrong {
        assert!(check(&first, &history).is_err(), "{what} was accepted");
    }
}
