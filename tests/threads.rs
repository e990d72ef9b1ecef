//! Readers and writers at once, on real threads and the real `arc-swap`. The answers and the accepted changes are recorded,
//! and afterwards held against the history that the revisions tell: the first table with each accepted change applied in
//! the order of its revision. A publication that loses an update (the broken twin `lost_update`) fails here.

#![allow(clippy::disallowed_types, reason = "the tests share stop signs between threads")]

#[allow(dead_code, reason = "the example draws more")]
#[path = "../examples/hot_path/random.rs"]
mod random;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use random::Random;
use shardway::{Change, NodeId, Route, Router, ShardId, Table};

const WRITERS: u64 = 3;
const READERS: u64 = 3;
const CHANGES: usize = if cfg!(miri) { 8 } else { 3_000 };
const ANSWERS: usize = if cfg!(miri) { 50 } else { 100_000 };

/// Draws keys and changes.
struct Draw(Random);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.below(limit)
    }

    fn key(&mut self) -> [u8; 2] {
        u16::try_from(self.below(1 << 16)).unwrap_or_default().to_be_bytes()
    }

    /// A change that makes sense on this table, at least until another writer is faster.
    fn change(&mut self, table: &Table) -> Option<Change> {
        let shard = table.owner(self.key())?;
        let node = NodeId(1 + self.below(3));
        Some(match self.below(8) {
            0..3 => Change::split(shard.id(), self.key()),
            3..5 => Change::merge(shard.id(), table.next(shard.id())?.id()),
            5 => Change::transfer(shard.id(), node),
            6 => Change::add_replica(shard.id(), node),
            _ => Change::remove_replica(shard.id(), node),
        })
    }
}

/// An accepted change and the revision that it made.
type Accepted = (u64, Change);

fn write(router: &Router, seed: u64) -> Vec<Accepted> {
    let mut random = Draw(Random::new(seed, 0));
    let mut accepted = Vec::with_capacity(CHANGES);
    while accepted.len() < CHANGES {
        let Some(change) = random.change(&router.snapshot()) else { continue };
        if let Ok(summary) = router.transact([change.clone()]) {
            if summary.altered() {
                accepted.push((summary.revision, change));
            }
        }
    }
    accepted
}

/// What a reader was told, and by which revision.
struct Answer {
    revision: u64,
    key: [u8; 2],
    route: Route,
}

fn read(router: &Router, seed: u64, done: &AtomicBool) -> Vec<Answer> {
    let mut random = Draw(Random::new(seed, 0));
    let mut reader = router.reader();
    let mut answers: Vec<Answer> = Vec::with_capacity(ANSWERS);
    while !done.load(Ordering::Relaxed) || answers.len() < 10 {
        let key = random.key();
        let table = reader.table();
        let (revision, route) = (table.revision(), table.resolve(key).expect("the table is whole"));
        if answers.len() < ANSWERS {
            answers.push(Answer { revision, key, route });
        }
        reader.resolve(key).expect("the table is whole");
        router.resolve(key).expect("the table is whole");
    }
    answers
}

#[test]
fn every_answer_fits_its_revision_and_no_accepted_change_is_lost() {
    let router = Router::whole(NodeId(1));
    let first = router.snapshot();
    let done = AtomicBool::new(false);
    let start = Barrier::new(usize::try_from(WRITERS + READERS).unwrap());

    let (mut accepted, answers) = thread::scope(|scope| {
        let spawn_reader = |seed| {
            let (router, start, done) = (&router, &start, &done);
            scope.spawn(move || {
                start.wait();
                read(router, seed, done)
            })
        };
        let spawn_writer = |seed| {
            let (router, start) = (&router, &start);
            scope.spawn(move || {
                start.wait();
                write(router, seed)
            })
        };
        let readers: Vec<_> = (0..READERS).map(spawn_reader).collect();
        let writers: Vec<_> = (10..10 + WRITERS).map(spawn_writer).collect();
        let accepted: Vec<Accepted> =
            writers.into_iter().flat_map(|writer| writer.join().expect("a writer panicked")).collect();
        done.store(true, Ordering::Relaxed);
        let answers: Vec<_> =
            readers.into_iter().map(|reader| reader.join().expect("a reader panicked")).collect();
        (accepted, answers)
    });

    accepted.sort_by_key(|(revision, _)| *revision);
    let mut history = vec![Table::clone(&first)];
    for (place, (revision, change)) in accepted.iter().enumerate() {
        let last = history.last().expect("the first table");
        assert_eq!(
            *revision,
            last.revision() + 1,
            "accepted change {place} shares its revision or skips one"
        );
        let (next, _) = last.apply(std::slice::from_ref(change)).expect("it was accepted at this revision");
        history.push(next);
    }
    let last = router.snapshot();
    assert_eq!(*last, *history.last().expect("the first table"), "the published table has another history");
    last.verify().unwrap();

    for answers in &answers {
        assert!(answers.is_sorted_by_key(|answer| answer.revision), "a reader's revisions went back");
        for answer in answers {
            let place = usize::try_from(answer.revision - first.revision()).unwrap();
            assert_eq!(
                history[place].resolve(answer.key),
                Ok(answer.route),
                "at revision {}",
                answer.revision
            );
        }
    }
    drop((first, last));
    router.reclaim();
    assert_eq!(router.retained().tables, 0, "all readers and snapshots are gone");
}

/// Whoever hears of a publish, by whatever way, finds it in the table.
#[test]
fn a_publish_that_returned_is_seen_by_all() {
    let rounds = if cfg!(miri) { 5 } else { 5_000 };
    let router = Router::whole(NodeId(1));
    let shard = router.resolve("").unwrap().shard;
    let (send, receive) = mpsc::channel::<u64>();
    let heard = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = router.reader();
            for published in receive {
                assert!(reader.table().revision() >= published);
                heard.store(reader.table().revision(), Ordering::Release);
            }
        });
        scope.spawn(|| {
            let mut reader = router.reader();
            loop {
                let heard = heard.load(Ordering::Acquire);
                assert!(router.revision() >= heard && reader.table().revision() >= heard);
                if heard > rounds {
                    break;
                }
            }
        });
        for round in 0..rounds {
            let to = NodeId(2 + round % 2);
            let summary = router.transact([Change::transfer(shard, to)]).unwrap();
            send.send(summary.revision).unwrap();
        }
        drop(send);
    });
}

/// Of a split and a merge of the same shards, and two transfers, exactly the ones that were accepted are in the table.
#[test]
fn rivals_for_one_shard_are_decided_one_way() {
    for round in 0..if cfg!(miri) { 2 } else { 500 } {
        let router = Router::whole(NodeId(1));
        let halves = router.split(ShardId(1), "m").unwrap();
        let start = Barrier::new(2);
        let (split, merge) = thread::scope(|scope| {
            let splitter = scope.spawn(|| {
                start.wait();
                router.split(halves.lower, "c")
            });
            start.wait();
            let merge = router.merge(halves.lower, halves.upper);
            (splitter.join().expect("no panic"), merge)
        });
        assert!(split.is_ok() != merge.is_ok(), "round {round}: {split:?} and {merge:?}");
        assert_eq!(router.snapshot().len(), if split.is_ok() { 3 } else { 1 });
        assert_eq!(router.revision(), 3);
    }
}
