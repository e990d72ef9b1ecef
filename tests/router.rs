//! The router as one thread sees it: the three ways in, refusals, transactions, and what is retained.

use shardway::{
    Access, Change, Error, KeyRange, NodeId, Refusal, Router, ShardId, ShardRecord, ShardState, Table,
};

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);

#[test]
fn every_way_in_gives_the_newest_table() {
    let router = Router::whole(N1);
    let mut reader = router.reader();
    let old = router.snapshot();
    let halves = router.clone().split(ShardId(1), "m").unwrap();
    let route = router.resolve("z").unwrap();
    assert_eq!(route.shard, halves.upper);
    assert_eq!(reader.resolve("z"), Ok(route));
    assert_eq!(reader.table().resolve("z"), Ok(route));
    assert_eq!(router.snapshot().resolve("z"), Ok(route));
    assert_eq!((router.revision(), reader.table().revision(), reader.snapshot().revision()), (2, 2, 2));
    assert_eq!((old.revision(), old.resolve("z").unwrap().shard), (1, ShardId(1)), "a snapshot stays");
}

#[test]
fn refusals_carry_the_route() {
    let records = [ShardRecord::new(ShardId(1), KeyRange::try_from("a".."m").unwrap(), N1)];
    let router = Router::new(Table::from_records(records).unwrap());
    let mut reader = router.reader();
    assert_eq!(reader.resolve("z"), Err(Refusal::NoOwner));
    assert_eq!(router.resolve_for("z", Access::Read), Err(Refusal::NoOwner));
    assert_eq!(Error::from(Refusal::NoOwner).to_string(), "no shard owns the key");

    router.apply(Change::begin_transfer(ShardId(1), N2)).unwrap();
    let route = router.resolve("b").unwrap();
    assert_eq!(route.state, ShardState::Transferring);
    assert_eq!(reader.resolve_for("b", Access::Read), Ok(route));
    let refused = Refusal::NotServing { route, access: Access::Write };
    assert_eq!(reader.resolve_for("b", Access::Write), Err(refused));
    assert_eq!(refused.to_string(), "no writes now: shard 1 at epoch 1:1, led by node 1, transferring");

    router.transact([Change::abort_transfer(ShardId(1)), Change::take_offline(ShardId(1))]).unwrap();
    assert!(matches!(router.resolve_for("b", Access::Read), Err(Refusal::NotServing { .. })));
}

#[test]
fn nothing_is_published_by_what_is_refused_or_alters_nothing() {
    let router = Router::whole(N1);
    assert_eq!(router.split(ShardId(9), "m"), Err(Error::NoSuchShard { shard: ShardId(9) }));
    let refused = router.transact([Change::split(ShardId(1), "m"), Change::remove(ShardId(1))]);
    assert!(matches!(refused, Err(Error::Transaction { index: 1, .. })));
    let summary = router.transact([Change::bring_online(ShardId(1))]).unwrap();
    assert!(!summary.altered());
    assert_eq!((router.revision(), router.retained().tables), (1, 0));
}

#[test]
fn each_call_of_convenience_is_the_change_that_it_names() {
    let router = Router::whole(N1);
    let halves = router.split(ShardId(1), "m").unwrap();
    router.transfer(halves.lower, N2).unwrap();
    router.transfer(halves.upper, N2).unwrap();
    let merged = router.merge(halves.upper, halves.lower).unwrap();
    assert_eq!(router.resolve("a").map(|route| (route.shard, route.leader)), Ok((merged, N2)));

    let mut record = router.snapshot().shard(merged).unwrap().to_record();
    record.replicas.push(N1);
    router.update(record.clone()).unwrap();
    assert!(matches!(router.update(record.clone()), Err(Error::StaleVersion { .. })));
    router.remove(merged).unwrap();
    assert_eq!(router.resolve("a"), Err(Refusal::NoOwner));
    record.id = ShardId(50);
    router.register(record).unwrap();
    assert_eq!(router.resolve("a").map(|route| route.shard), Ok(ShardId(50)));
}

#[test]
fn a_plan_that_fails_or_panics_leaves_the_router_as_it_was() {
    let router = Router::whole(N1);
    let failed: Result<_, Error> = router.transact_with(|table| {
        assert_eq!(table.revision(), 1);
        Err::<[Change; 0], _>(Refusal::NoOwner.into())
    });
    assert_eq!(failed, Err(Error::Refused(Refusal::NoOwner)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        router.transact_with(|_| -> Result<[Change; 0], Error> { panic!("on purpose") })
    }));
    assert!(panicked.is_err());
    assert_eq!(router.revision(), 1);
    assert!(router.split(ShardId(1), "m").is_ok());
}

#[test]
fn what_is_retained_can_be_told_and_is_freed_by_writers() {
    let router = Router::whole(N1);
    let transfer = |round: u64| router.transfer(ShardId(1), NodeId(2 + round % 2)).unwrap();
    assert_eq!(router.retained(), Default::default());

    let held = router.snapshot();
    let also = held.clone();
    let mut reader = router.reader();
    (0..if cfg!(miri) { 50 } else { 1_000 }).for_each(transfer);
    let retained = router.retained();
    assert!(retained.tables <= 2, "publishing frees what nobody holds: {retained:?}");
    assert_eq!((retained.held, retained.holders, retained.oldest_revision), (1, 3, Some(1)), "{retained:?}");
    let bytes_of_a_table = 4_000;
    assert!(
        retained.bytes > 0 && retained.bytes < bytes_of_a_table,
        "a stuck reader keeps its table: {retained:?}"
    );

    reader.table();
    drop((held, also));
    assert_eq!(router.retained().held, 0);
    assert!(router.reclaim() >= 1);
    assert_eq!(router.retained(), Default::default());
}

#[test]
fn many_held_snapshots_do_not_keep_others_from_being_freed() {
    let many = if cfg!(miri) { 20 } else { 200 };
    let router = Router::whole(N1);
    let mut snapshots = Vec::new();
    for round in 0..many {
        snapshots.push(router.snapshot());
        router.transfer(ShardId(1), NodeId(2 + round % 2)).unwrap();
    }
    assert_eq!(router.retained().held, usize::try_from(many).unwrap());
    snapshots.retain(|snapshot| snapshot.revision() % 2 == 0);
    (0..many).for_each(|round| router.transfer(ShardId(1), NodeId(2 + round % 2)).unwrap());
    let retained = router.retained();
    assert_eq!(retained.held as u64, many / 2);
    assert!(retained.tables as u64 <= many * 3 / 4, "each publish looks at a few in turn: {retained:?}");
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.revision()).min(), retained.oldest_revision);
}

#[test]
fn handles_go_where_they_are_needed() {
    fn goes_anywhere<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    goes_anywhere::<Router>();
    goes_anywhere::<shardway::Snapshot>();
    goes_anywhere::<shardway::Reader>();
    goes_anywhere::<Table>();
}
