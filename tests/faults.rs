//! What goes wrong around a router, and leaves it whole: callers' code that panics, readers that sleep, threads that leave
//! without a word, and memory over many handles. The long form, in release, publishes and reads a million times:
//! `SHARDWAY_LONG=1 cargo test --release --test faults`.

mod counting;

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use shardway::{Change, Error, NodeId, Router, ShardId, ShardRecord, Table};

fn many() -> u64 {
    match std::env::var("SHARDWAY_LONG") {
        Ok(_) => 1_000_000,
        Err(_) if cfg!(miri) => 50,
        Err(_) => 20_000,
    }
}

/// A key whose bytes can't be had.
struct Broken;

impl AsRef<[u8]> for Broken {
    fn as_ref(&self) -> &[u8] {
        panic!("on purpose")
    }
}

/// A key that can be had so many times.
struct Wearing(std::cell::Cell<u32>);

impl AsRef<[u8]> for Wearing {
    fn as_ref(&self) -> &[u8] {
        self.0.set(self.0.get().checked_sub(1).expect("on purpose"));
        b"k"
    }
}

fn panics(work: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err(), "it did not come to the panic");
}

/// A router with some shards, and what it has to be afterwards.
fn router() -> (Router, Table) {
    let router = Router::whole(NodeId(1));
    let halves = router.split(ShardId(1), "m").unwrap();
    router.split(halves.upper, "t").unwrap();
    let table = Table::clone(&router.snapshot());
    (router, table)
}

fn assert_untouched(router: &Router, before: &Table) {
    assert_eq!(*router.snapshot(), *before);
    router.snapshot().verify().unwrap();
    let shard = router.resolve("a").unwrap().shard;
    router.split(shard, "c").unwrap();
    assert_eq!((router.snapshot().len(), router.revision()), (before.len() + 1, before.revision() + 1));
}

#[test]
fn panics_in_the_caller_s_code_leave_everything_as_it_was() {
    let cases: [fn(&Router); 7] = [
        |router| {
            // After the plan has seen the table, and made half of its changes.
            let plan = router.transact_with(|table| {
                let changes = table.shards().map(|shard| {
                    assert!(shard.start() != b"m", "on purpose");
                    Change::transfer(shard.id(), NodeId(2))
                });
                Ok::<_, Error>(changes.collect::<Vec<_>>())
            });
            drop(plan);
        },
        |router| assert!(router.resolve(Broken).is_ok()),
        |router| assert!(router.reader().resolve(Broken).is_ok()),
        |router| assert!(router.snapshot().owner(Broken).is_some()),
        |router| assert!(router.snapshot().range(Broken..).count() > 0),
        |router| {
            struct Changes;
            impl AsRef<[Change]> for Changes {
                fn as_ref(&self) -> &[Change] {
                    panic!("on purpose")
                }
            }
            drop(router.transact(Changes));
        },
        |router| {
            let records = router.snapshot().shards().map(|shard| shard.to_record()).collect::<Vec<_>>();
            let broken = records.into_iter().filter(|record: &ShardRecord| {
                assert!(record.range.start() != b"t", "on purpose");
                true
            });
            drop(Table::from_records(broken));
        },
    ];
    for case in cases {
        let (router, before) = router();
        panics(|| case(&router));
        assert_untouched(&router, &before);
    }
}

#[test]
fn a_reader_outlives_a_panic_in_a_batch() {
    let (router, before) = router();
    let mut reader = router.reader();
    let mut answers = vec![router.resolve("z"); 3];
    for worn in 0..40 {
        let keys: Vec<_> = (0..40).map(|_| Wearing(std::cell::Cell::new(1000))).collect();
        keys[worn].0.set(0);
        panics(|| reader.resolve_many(&keys, &mut answers));
        assert!(answers.len() <= 40 && answers.iter().all(|answer| *answer == router.resolve("k")));
    }
    reader.resolve_many(&["a", "z"], &mut answers);
    assert_eq!(answers, [router.resolve("a"), router.resolve("z")]);
    assert_untouched(&router, &before);
}

#[test]
fn a_sleeping_reader_keeps_the_one_table_that_it_saw() {
    let (router, _) = router();
    let mut reader = router.reader();
    let seen = reader.table().revision();
    let shard = router.resolve("z").unwrap().shard;
    let mut most = 0;
    for round in 0..many() {
        router.transfer(shard, NodeId(2 + round % 2)).unwrap();
        if round % 1_000 == 0 {
            let retained = router.retained();
            most = most.max(retained.tables);
            assert_eq!((retained.held, retained.oldest_revision), (1, Some(seen)), "{retained:?}");
        }
    }
    assert!(most <= 8, "{most} tables waited while one was held");
    assert!(router.retained().bytes < 10_000, "{:?}", router.retained());
    assert!(reader.table().revision() > seen);
    router.reclaim();
    assert_eq!(router.retained().tables, 0);
}

#[test]
fn handles_that_are_never_dropped_keep_what_they_saw_and_no_more() {
    let (router, _) = router();
    let seen = router.revision();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut reader = router.reader();
                reader.resolve("a").unwrap();
                mem::forget(reader);
                mem::forget(router.snapshot());
            });
        }
    });
    for round in 0..many() / 10 {
        router.transfer(router.resolve("z").unwrap().shard, NodeId(2 + round % 2)).unwrap();
    }
    let retained = router.retained();
    assert_eq!(
        (retained.held, retained.holders, retained.oldest_revision),
        (1, 8, Some(seen)),
        "{retained:?}"
    );
}

#[test]
fn readers_come_and_go_without_a_trace() {
    let (router, _) = router();
    let churn = |count: u64| {
        for round in 0..count {
            let mut reader = router.reader();
            reader.resolve("k").unwrap();
            let other = reader.clone();
            if round % 64 == 0 {
                router.transfer(router.resolve("z").unwrap().shard, NodeId(2 + round / 64 % 2)).unwrap();
            }
            drop((other, router.snapshot()));
        }
        router.reclaim();
        counting::live()
    };
    let before = churn(1_000);
    assert_eq!(churn(many()), before, "bytes that live after so many readers");
}

#[test]
fn counters_at_their_end_refuse_and_stay() {
    let ends: [fn(&mut shardway::TableImage); 5] = [
        |image| image.revision = u64::MAX,
        |image| image.next_id = u64::MAX,
        |image| image.shards[0].version = u64::MAX,
        |image| image.shards[0].epoch.range = u64::MAX,
        |image| image.shards[0].epoch.members = u64::MAX,
    ];
    let mut refused = 0;
    for end in ends {
        let mut image = Table::whole(NodeId(1)).to_image();
        end(&mut image);
        let table = Table::from_image(image).unwrap();
        let shard = ShardId(1);
        for change in [
            Change::split(shard, "m"),
            Change::transfer(shard, NodeId(2)),
            Change::take_offline(shard),
            Change::add_replica(shard, NodeId(3)),
            Change::put_node(shardway::Node::new(NodeId(1), "one")),
            Change::remove(shard),
        ] {
            let router = Router::new(table.clone());
            match router.apply(change) {
                Ok(_) => {
                    router.snapshot().verify().unwrap();
                    let (before, after) = (table.owner("").map(|shard| shard.epoch()), router.snapshot());
                    let after = after.owner("").map(|shard| shard.epoch());
                    assert!(after.is_none_or(|after| before.is_some_and(|before| before <= after)));
                    assert!(router.revision() > table.revision());
                }
                Err(Error::Exhausted { .. }) => {
                    refused += 1;
                    assert_eq!(*router.snapshot(), table);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(refused >= 12, "{refused}");
}
