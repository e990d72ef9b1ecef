//! Deltas by name: what each carries, how big it is, who refuses it and why, and a router that follows another while both are
//! read.

#[allow(dead_code, reason = "others ask what is not asked here")]
mod dense;

use std::thread;

use dense::follow::{assert_delta_leads, copy};
use shardway::{
    Change, Delta, Error, Key, KeyRange, Memory, Naming, Node, NodeId, NodeStatus, Operation, Progress,
    Router, ShardId, ShardRecord, ShardState, Table,
};

fn key(number: u64) -> String {
    format!("tenant/{:03}/row/{number:06}", number / 50)
}

/// So many shards side by side, from the first key to the last, and a few nodes.
fn grown(shards: u64) -> Table {
    let end = |number| if number == shards { None } else { Some(key(number)) };
    let records = (0..shards).map(|number| {
        let start = if number == 0 { Key::empty() } else { key(number).into() };
        let range = match end(number + 1) {
            Some(end) => KeyRange::new(start, shardway::KeyEnd::At(end.into())).unwrap(),
            None => KeyRange::from(start..),
        };
        let mut record = ShardRecord::new(ShardId(number + 1), range, NodeId(number % 9));
        record.replicas = vec![NodeId(number % 9 + 1)];
        record
    });
    let nodes = (0..10).map(|node| Change::put_node(Node::new(NodeId(node), format!("host-{node}"))));
    after(&Table::from_records(records).unwrap(), &nodes.collect::<Vec<_>>())
}

fn after(table: &Table, changes: &[Change]) -> Table {
    table.apply(changes).unwrap().0
}

fn is_broken<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Broken { .. }))
}

/// Each kind of change, on a table of thousands, and all of them at once.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn every_part_of_a_table_comes_along() {
    let first = grown(3_000);
    let steps: [Vec<Change>; 14] = [
        vec![Change::split(ShardId(40), key(39) + "/5")],
        vec![Change::split_naming(ShardId(41), key(40) + "/5", Naming::KeepUpper)],
        vec![Change::begin_split(ShardId(50), key(49) + "/5", Naming::Fresh)],
        vec![Change::begin_transfer(ShardId(60), NodeId(8)), Change::begin_transfer(ShardId(61), NodeId(8))],
        vec![Change::report_progress(ShardId(60), Progress::ALL)],
        vec![Change::commit_transfer(ShardId(60)), Change::abort_transfer(ShardId(61))],
        vec![Change::commit_split(ShardId(50))],
        vec![Change::merge(ShardId(3_001), ShardId(3_002))],
        (100..400).map(|id| Change::remove(ShardId(id))).collect(),
        (100..400)
            .map(|id| {
                let range = KeyRange::try_from(key(id - 1).as_str()..key(id).as_str()).unwrap();
                Change::register(ShardRecord::new(ShardId(10_000 + id), range, NodeId(3)))
            })
            .collect(),
        vec![Change::put_node(Node::new(NodeId(50), "new")), Change::set_status(NodeId(1), NodeStatus::Down)],
        vec![Change::forget_node(NodeId(50))],
        vec![Change::set_memory(Memory { passings: 40, revisions: u64::MAX })],
        (1_000..2_900).map(|id| Change::transfer(ShardId(id), NodeId(70))).collect(),
    ];
    let mut versions = vec![first];
    for changes in &steps {
        versions.push(after(&versions[versions.len() - 1], changes));
    }
    let mut follower = copy(&versions[0]);
    for pair in versions.windows(2) {
        follower = follower.apply_delta(&pair[0].delta(&pair[1])).unwrap();
        assert_eq!(follower.to_image(), pair[1].to_image());
        follower.verify().unwrap();
    }
    for (place, old) in versions.iter().enumerate().step_by(5) {
        versions[place..].iter().for_each(|new| assert_delta_leads(old, new));
    }
    let none = follower.delta(&follower);
    assert_eq!(follower.apply_delta(&none).as_ref(), Ok(&follower));
}

/// As small as what it is about, however large the table.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_delta_carries_what_changed_and_no_more() {
    let table = grown(5_000);
    let moved = after(
        &table,
        &[Change::transfer(ShardId(7), NodeId(70)), Change::split(ShardId(2_000), key(1_999) + "/5")],
    );
    let delta = table.delta(&moved);
    let ids = |records: &[ShardRecord]| records.iter().map(|record| record.id.0).collect::<Vec<_>>();
    assert_eq!((delta.gone.as_slice(), ids(&delta.shards)), (&[ShardId(2_000)][..], vec![7, 5_001, 5_002]));
    assert_eq!((delta.passings.len(), delta.nodes.len(), delta.begun.len(), delta.ended.len()), (1, 0, 0, 0));

    let busy = after(&moved, &[Change::begin_transfer(ShardId(9), NodeId(70))]);
    let further = after(&busy, &[Change::report_progress(ShardId(9), Progress::ALL)]);
    let delta = busy.delta(&further);
    assert_eq!((delta.shards.len(), delta.ended.as_slice(), delta.begun.len()), (0, &[ShardId(9)][..], 1));
    let known = after(&further, &[Change::set_status(NodeId(4), NodeStatus::Draining)]);
    let delta = further.delta(&known);
    assert_eq!((delta.shards.len(), delta.nodes.len(), delta.passings.len()), (0, 1, 0));
    // What came and went in between is in no delta but among the passings.
    let back = after(&known, &[Change::merge_naming(ShardId(5_001), ShardId(5_002), Naming::KeepLower)]);
    let over_both = table.delta(&back);
    assert_eq!(ids(&over_both.shards), [7, 9, 5_001]);
    assert_eq!((over_both.gone.as_slice(), over_both.passings.len()), (&[ShardId(2_000)][..], 3));
}

#[test]
fn a_delta_is_for_one_table_alone() {
    let table = Table::whole(NodeId(1));
    let split = after(&table, &[Change::split(ShardId(1), "m")]);
    let moved = after(&split, &[Change::transfer(ShardId(2), NodeId(2))]);
    let [first, second] = [table.delta(&split), split.delta(&moved)];
    let stale = |expected, found| Err(Error::StaleRevision { expected, found });
    assert_eq!(table.apply_delta(&second), stale(2, 1), "the first was lost");
    assert_eq!(moved.apply_delta(&second), stale(2, 3), "it came again");
    assert_eq!(split.apply_delta(&first), stale(1, 2));

    // Another past of as many steps: the shards that the delta is about are the same, down to version and epoch.
    let elsewhere = after(&table, &[Change::split(ShardId(1), "n")]);
    let (expected, found) = (split.digest(), elsewhere.digest());
    assert_eq!(elsewhere.apply_delta(&second), Err(Error::OtherTable { revision: 2, expected, found }));
    let busy = after(&split, &[Change::report(ShardId(3), shardway::Estimates { keys: 1, bytes: 0 })]);
    let other = after(&split, &[Change::report(ShardId(3), shardway::Estimates { keys: 2, bytes: 0 })]);
    let onward = busy.delta(&after(&busy, &[Change::transfer(ShardId(2), NodeId(2))]));
    assert!(matches!(other.apply_delta(&onward), Err(Error::OtherTable { revision: 3, .. })));
    assert!(
        is_broken(moved.apply_delta(&Delta { from_digest: moved.digest(), from: 3, to: 2, ..second })),
        "it leads back"
    );
}

/// What one remembers is no beginning of what the other does.
#[test]
fn a_delta_leads_to_another_branch_too() {
    let table = Table::whole(NodeId(1));
    let left = after(&table, &[Change::split(ShardId(1), "m"), Change::split(ShardId(3), "t")]);
    let right = after(&table, &[Change::split(ShardId(1), "m"), Change::split(ShardId(2), "c")]);
    let right = after(&right, &[Change::transfer(ShardId(3), NodeId(2))]);
    assert_delta_leads(&left, &right);
    assert_eq!(left.delta(&right).kept, 0);
}

/// What whoever forges a delta might try, with digests that fit.
#[test]
fn a_delta_that_contradicts_itself_is_refused() {
    let table = Table::whole(NodeId(1));
    let table = after(&table, &[Change::split(ShardId(1), "g"), Change::split(ShardId(3), "p")]);
    let table =
        after(&table, &[Change::remove(ShardId(4)), Change::begin_split(ShardId(2), "c", Naming::Fresh)]);
    let new = after(
        &table,
        &[Change::transfer(ShardId(5), NodeId(2)), Change::put_node(Node::new(NodeId(2), "two"))],
    );
    let forged = |alter: &dyn Fn(&mut Delta)| {
        let mut delta = table.delta(&new);
        alter(&mut delta);
        for _ in 0..2 {
            match table.apply_delta(&delta) {
                Err(Error::OtherTable { found, .. }) => delta.to_digest = found,
                other => return other,
            }
        }
        unreachable!("it was told the digest")
    };
    forged(&|_| ()).unwrap().verify().unwrap();
    let record = |id, from: &str, to: &str| {
        ShardRecord::new(ShardId(id), KeyRange::try_from(from..to).unwrap(), NodeId(1))
    };
    let renamed = forged(&|delta| delta.nodes[0].address = "elsewhere".into()).unwrap();
    assert_eq!(renamed.node(NodeId(2)).unwrap().address, "elsewhere");
    assert!(matches!(forged(&|delta| delta.gone.push(ShardId(90))), Err(Error::NoSuchShard { .. })));
    assert!(matches!(forged(&|delta| delta.shards.push(record(4, "f", "h"))), Err(Error::Overlap { .. })));
    forged(&|delta| delta.shards.push(record(5, "g", "h"))).unwrap().verify().unwrap();
    assert!(
        is_broken(forged(&|delta| delta.shards.push(record(6, "g", "h")))),
        "an id that may be given again"
    );
    assert!(is_broken(forged(&|delta| delta.shards.push(record(4, "g", "h")))), "it has ended in this epoch");
    assert!(is_broken(forged(&|delta| delta.shards[0].state = ShardState::Merging)));
    assert!(is_broken(forged(&|delta| delta.gone.push(ShardId(2)))), "a split of it is under way");
    assert!(is_broken(forged(&|delta| delta.ended.push(ShardId(2)))), "it is still splitting");
    assert!(is_broken(forged(&|delta| delta.ended.push(ShardId(5)))));
    assert!(is_broken(forged(&|delta| delta.next_id = 3)));
    let without_shards = forged(&|delta| {
        delta.shards.clear();
        delta.next_id = 1;
    });
    assert!(is_broken(without_shards), "ids in use, of shards that it does not touch, would be given again");
    assert!(is_broken(forged(&|delta| delta.to = 1)));
    assert!(is_broken(forged(&|delta| delta.floor.version = 0)));
    let split =
        |shard, at: &str| Operation::Split { shard, at: at.into(), naming: Naming::Fresh, began: None };
    let outside = forged(&|delta| {
        delta.shards[0].state = ShardState::Splitting;
        delta.begun.push(split(ShardId(5), "a"));
    });
    assert!(matches!(outside, Err(Error::SplitKeyOutside { .. })));
    let on_an_active_shard = forged(&|delta| {
        delta.shards.clear();
        delta.begun.push(split(ShardId(5), "r"));
    });
    assert!(is_broken(on_an_active_shard));
    let twice = forged(&|delta| delta.begun.push(split(ShardId(2), "b")));
    assert!(matches!(twice, Err(Error::OperationUnderWay { .. })));
    assert!(matches!(forged(&|delta| delta.forgotten.push(NodeId(90))), Err(Error::NoSuchNode { .. })));
    let passing = table.passings().next().unwrap();
    assert!(
        is_broken(forged(&|delta| delta.passings.push(passing.clone()))),
        "it is older than what is there"
    );
    let alive = shardway::Passing { shard: ShardId(5), epoch: 90, revision: 4, ..passing.clone() };
    assert!(is_broken(forged(&|delta| delta.passings.push(alive.clone()))));
    let to_come = shardway::Passing { revision: 90, ..passing.clone() };
    assert!(is_broken(forged(&|delta| delta.passings.push(to_come.clone()))));
    assert!(matches!(
        forged(&|delta| delta.shards[0].replicas = vec![NodeId(3), NodeId(3)]),
        Err(Error::DuplicateReplica { .. })
    ));
}

/// A shard that kept its name through a split, and is there in the epoch that it had before.
#[test]
fn an_epoch_that_has_ended_does_not_come_back() {
    let table = after(&Table::whole(NodeId(1)), &[Change::split_naming(ShardId(1), "m", Naming::KeepLower)]);
    let mut delta = table.delta(&after(&table, &[Change::transfer(ShardId(1), NodeId(2))]));
    for (range, is_refused) in [(1, true), (2, false), (3, false)] {
        delta.shards[0].epoch.range = range;
        let Err(Error::OtherTable { found, .. }) = table.apply_delta(&delta) else {
            assert!(is_broken(table.apply_delta(&delta)) == is_refused);
            continue;
        };
        let forged = Delta { to_digest: found, ..delta.clone() };
        table.apply_delta(&forged).unwrap().verify().unwrap();
        assert!(!is_refused);
    }
}

/// A follower is read while it follows: each table that it shows is one that the primary had.
#[test]
fn a_router_follows_another_while_it_is_read() {
    let primary = Router::whole(NodeId(1));
    let follower = Router::new(copy(&primary.snapshot()));
    let (send, receive) = std::sync::mpsc::channel::<Delta>();
    let rounds = if cfg!(miri) { 5 } else { 300 };
    thread::scope(|scope| {
        scope.spawn(|| {
            for delta in receive {
                let to = delta.to;
                assert_eq!(follower.follow(&delta), Ok(to));
                assert_eq!(follower.revision(), to);
            }
        });
        scope.spawn(|| {
            let mut reader = follower.reader();
            let mut last = 0;
            while last <= rounds {
                let snapshot = follower.snapshot();
                assert!(snapshot.revision() >= last && snapshot.len() as u64 == snapshot.revision());
                last = snapshot.revision();
                assert!(reader.resolve("z").is_ok());
            }
        });
        let mut old = primary.snapshot();
        for round in 0..rounds {
            primary.split(primary.resolve("z").unwrap().shard, format!("k{round:06}")).unwrap();
            let new = primary.snapshot();
            send.send(old.delta(&new)).unwrap();
            old = new;
        }
        drop(send);
    });
    assert_eq!(*follower.snapshot(), *primary.snapshot());
    follower.reclaim();
    let old = follower.snapshot();
    assert_eq!(follower.follow(&old.delta(&old)), Ok(old.revision()), "over no change it publishes nothing");
    follower.split(follower.resolve("a").unwrap().shard, "b").unwrap();
    let before = follower.snapshot();
    primary.split(primary.resolve("a").unwrap().shard, "c").unwrap();
    let new = primary.snapshot();
    assert!(
        matches!(follower.follow(&old.delta(&new)), Err(Error::StaleRevision { .. })),
        "it has a writer of its own"
    );
    assert_eq!(*follower.snapshot(), *before);
}
