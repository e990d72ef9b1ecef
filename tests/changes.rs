//! What each change does, and which changes exclude each other: the rules by example, where `properties.rs` has them by
//! the thousand.

use shardway::{
    Change, Epoch, Error, Estimates, Halves, KeyRange, Naming, NodeId, Operation, OperationKind, Outcome,
    Progress, ShardId, ShardRecord, ShardState, Table, Timestamp,
};

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const N3: NodeId = NodeId(3);
const S1: ShardId = ShardId(1);
const S2: ShardId = ShardId(2);

fn apply(table: &Table, change: Change) -> Result<(Table, Outcome), Error> {
    let (table, summary) = table.apply(&[change]).map_err(Error::into_cause)?;
    table.verify()?;
    Ok((table, summary.outcomes[0]))
}

fn refusal(table: &Table, change: Change) -> Error {
    apply(table, change).expect_err("it ought to be refused")
}

fn after(table: &Table, changes: &[Change]) -> Table {
    let (table, _) = table.apply(changes).unwrap();
    table.verify().unwrap();
    table
}

/// Two neighbours on node 1 with replicas on node 2: shard 1 owns what is below "m", shard 2 the rest.
fn neighbours() -> Table {
    let record = |id, range: KeyRange| {
        let mut record = ShardRecord::new(id, range, N1);
        record.replicas = vec![N2];
        record.estimates = Estimates { keys: 101, bytes: 7 };
        record
    };
    let records = [record(S1, KeyRange::try_from("".."m").unwrap()), record(S2, KeyRange::from("m"..))];
    Table::from_records(records).unwrap()
}

#[test]
fn a_split_shares_out_what_the_shard_had() {
    let table = neighbours();
    let (table, outcome) = apply(&table, Change::split(S1, "f").at(Timestamp(9))).unwrap();
    let Outcome::Split(Halves { parent: S1, lower, upper }) = outcome else { panic!("{outcome:?}") };
    let [low, high] = [lower, upper].map(|id| table.shard(id).unwrap().to_record());
    assert_eq!((low.id, high.id), (ShardId(3), ShardId(4)), "fresh ids");
    let ranges = [low.range.to_string(), high.range.to_string()];
    assert_eq!(ranges, [r#""".."f""#, r#""f".."m""#]);
    assert_eq!((low.estimates.keys, high.estimates.keys), (50, 51), "odd totals are not lost");
    assert_eq!((low.estimates.bytes, high.estimates.bytes), (3, 4));
    for child in [low, high] {
        assert_eq!((child.leader, child.replicas, child.state), (N1, vec![N2], ShardState::Active));
        assert_eq!(child.epoch, Epoch { range: 2, members: 1 });
        assert_eq!((child.created, child.updated, child.version), (Timestamp(9), Timestamp(9), 2));
    }
    assert_eq!(table.shard(S1), None);
}

#[test]
fn a_child_may_keep_the_id() {
    for (naming, start) in [(Naming::KeepLower, ""), (Naming::KeepUpper, "f")] {
        let table = after(&neighbours(), &[Change::split_naming(S1, "f", naming)]);
        let kept = table.shard(S1).unwrap();
        assert_eq!(kept.start(), start.as_bytes());
        assert_eq!((kept.epoch().range, kept.version()), (2, 2));
        assert_eq!(table.len(), 3);
    }
}

#[test]
fn a_shard_without_a_key_inside_cannot_be_split() {
    let range = KeyRange::try_from("a".."a\0").unwrap();
    assert_eq!(range.midpoint(), Err(Error::CannotSplit { range: range.clone() }));
    let table = Table::from_records([ShardRecord::new(S1, range.clone(), N1)]).unwrap();
    for key in ["", "a", "a\0", "b"] {
        let refused = Error::SplitKeyOutside { key: key.into(), range: range.clone() };
        assert_eq!(refusal(&table, Change::split(S1, key)), refused);
    }
}

#[test]
fn a_merge_adds_what_both_had() {
    let table = after(&neighbours(), &[Change::split_naming(S2, "t", Naming::KeepLower)]);
    for shards in [(S1, S2), (S2, S1)] {
        let (table, outcome) = apply(&table, Change::merge(shards.0, shards.1)).unwrap();
        assert_eq!(outcome, Outcome::Merged { lower: S1, upper: S2, into: ShardId(4) }, "in either order");
        let merged = table.shard(ShardId(4)).unwrap();
        assert_eq!(merged.range(), KeyRange::try_from("".."t").unwrap().as_bytes());
        assert_eq!(merged.estimates(), Estimates { keys: 151, bytes: 10 });
        assert_eq!(merged.epoch().range, 3, "the greatest of 1 and 2, plus one");
    }
}

#[test]
fn each_reason_against_a_merge_has_its_error() {
    let table = neighbours();
    let refused = |changes: &[Change]| refusal(&after(&table, changes), Change::merge(S1, S2));
    assert!(matches!(refused(&[Change::transfer(S2, N3)]), Error::DifferentLeaders { upper_leader: N3, .. }));
    assert!(matches!(refused(&[Change::add_replica(S1, N3)]), Error::DifferentReplicas { .. }));
    assert!(matches!(refused(&[Change::take_offline(S1)]), Error::DifferentStates { .. }));
    assert!(matches!(
        refused(&[Change::split_naming(S1, "f", Naming::KeepLower)]),
        Error::NotNeighbours { lower: S1, upper: S2, .. }
    ));
    assert!(matches!(refusal(&table, Change::merge(S1, S1)), Error::NotNeighbours { .. }), "with itself");
    let full = Change::report(S1, Estimates { keys: u64::MAX, bytes: 0 });
    assert_eq!(refused(&[full]), Error::EstimatesOverflow { lower: S1, upper: S2 });
    assert_eq!(refusal(&table, Change::merge(S1, ShardId(9))), Error::NoSuchShard { shard: ShardId(9) });
}

#[test]
fn a_transfer_to_a_replica_swaps_roles_and_one_to_another_node_replaces_the_leader() {
    let table = neighbours();
    let members = |table: &Table| {
        let shard = table.shard(S1).unwrap();
        (shard.leader(), shard.replicas().to_vec(), shard.epoch())
    };
    let epoch = Epoch { range: 1, members: 2 };
    assert_eq!(members(&after(&table, &[Change::transfer(S1, N2)])), (N2, vec![N1], epoch));
    assert_eq!(members(&after(&table, &[Change::transfer(S1, N3)])), (N3, vec![N2], epoch));
    assert_eq!(refusal(&table, Change::transfer(S1, N1)), Error::AlreadyLeader { shard: S1, leader: N1 });
    assert_eq!(
        refusal(&table, Change::begin_transfer(S1, N1)),
        Error::AlreadyLeader { shard: S1, leader: N1 }
    );
}

#[test]
fn replicas_come_and_go_and_the_leader_stays() {
    let table = neighbours();
    let (shard, node) = (S1, N2);
    assert_eq!(refusal(&table, Change::add_replica(S1, N2)), Error::DuplicateReplica { shard, node });
    assert_eq!(refusal(&table, Change::add_replica(S1, N1)), Error::LeaderAsReplica { shard, leader: N1 });
    assert_eq!(refusal(&table, Change::remove_replica(S1, N3)), Error::NoSuchReplica { shard, node: N3 });
    assert_eq!(refusal(&table, Change::remove_replica(S1, N1)), Error::RemovesLeader { shard, leader: N1 });
    let table = after(&table, &[Change::add_replica(S1, N3), Change::remove_replica(S1, N2)]);
    assert_eq!(table.shard(S1).unwrap().replicas(), [N3]);
    assert_eq!(table.shard(S1).unwrap().epoch().members, 3);
    assert_eq!(table.on_node(N2).map(|shard| shard.id()).collect::<Vec<_>>(), [S2]);
}

/// What can be asked of a shard while it is idle, or while this or that is under way on it: for each request, whether it is
/// accepted (`+`), refused because of the operation under way (`u`), because there is none of this kind (`n`), or because
/// of the state (`i`).
#[test]
fn operations_exclude_each_other_by_rule() {
    let progress = Progress::new(0.5).unwrap();
    let requests = [
        ("split", Change::split(S1, "f"), "+uuu+"),
        ("begin split", Change::begin_split(S1, "f", Naming::Fresh), "+uuui"),
        ("commit split", Change::commit_split(S1), "n+nnn"),
        ("abort split", Change::abort_split(S1), "n+nnn"),
        ("merge", Change::merge(S1, S2), "+uuu+"),
        ("begin merge", Change::begin_merge(S1, S2, Naming::Fresh), "+uuui"),
        ("commit merge", Change::commit_merge(S1), "nn+nn"),
        ("commit merge by the other", Change::commit_merge(S2), "nn+nn"),
        ("abort merge", Change::abort_merge(S1), "nn+nn"),
        ("transfer", Change::transfer(S1, N3), "+uuu+"),
        ("begin transfer", Change::begin_transfer(S1, N3), "+uuui"),
        ("report progress", Change::report_progress(S1, progress), "nnn+n"),
        ("commit transfer", Change::commit_transfer(S1), "nnn+n"),
        ("abort transfer", Change::abort_transfer(S1), "nnn+n"),
        ("remove", Change::remove(S1), "+uuu+"),
        ("take offline", Change::take_offline(S1), "+uuu+"),
        ("bring online", Change::bring_online(S1), "+uuu+"),
        ("add replica", Change::add_replica(S1, N3), "+uuu+"),
        ("remove replica", Change::remove_replica(S1, N2), "+uuu+"),
        ("report", Change::report(S1, Estimates { keys: 1, bytes: 1 }), "+++++"),
    ];
    let idle = neighbours();
    let tables = [
        idle.clone(),
        after(&idle, &[Change::begin_split(S1, "f", Naming::Fresh)]),
        after(&idle, &[Change::begin_merge(S1, S2, Naming::Fresh)]),
        after(&idle, &[Change::begin_transfer(S1, N2)]),
        after(&idle, &[Change::take_offline(S1), Change::take_offline(S2)]),
    ];
    for (name, change, expected) in requests {
        let row: String = tables
            .iter()
            .map(|table| match apply(table, change.clone()) {
                Ok(_) => '+',
                Err(Error::OperationUnderWay { .. }) => 'u',
                Err(Error::NoOperation { .. }) => 'n',
                Err(Error::IllegalTransition { .. }) => 'i',
                Err(other) => panic!("{name}: {other}"),
            })
            .collect();
        assert_eq!(
            row, expected,
            "{name}, on a shard that is idle, splitting, merging, transferring, offline"
        );
    }
}

#[test]
fn two_phases_fence_writes_and_then_do_what_one_step_does() {
    let table = neighbours();
    let begun = after(&table, &[Change::begin_merge(S2, S1, Naming::KeepLower).at(Timestamp(5))]);
    for key in ["a", "z"] {
        let route = begun.resolve(key).unwrap();
        assert_eq!(route.state, ShardState::Merging);
        assert!(route.state.can_read() && !route.state.can_write());
        assert_eq!(route.epoch, table.resolve(key).unwrap().epoch, "the shape is what it was");
    }
    let merge =
        Operation::Merge { lower: S1, upper: S2, naming: Naming::KeepLower, began: Some(Timestamp(5)) };
    assert_eq!(begun.operations().collect::<Vec<_>>(), [&merge], "listed once");
    assert_eq!((begun.operation(S1), begun.operation(S2)), (Some(&merge), Some(&merge)));

    let aborted = after(&begun, &[Change::abort_merge(S2)]);
    assert_eq!((aborted.len(), aborted.operations().count()), (2, 0));
    assert_eq!(aborted.resolve("a").unwrap(), table.resolve("a").unwrap());

    let (committed, outcome) = apply(&begun, Change::commit_merge(S2)).unwrap();
    assert_eq!(outcome, Outcome::Merged { lower: S1, upper: S2, into: S1 });
    assert_eq!((committed.len(), committed.operations().count()), (1, 0));
    assert_eq!(committed.revision(), begun.revision() + 1, "one publish");
    assert_eq!(committed.resolve("z").unwrap().state, ShardState::Active);
    let expected = Error::NoOperation { shard: S1, expected: OperationKind::Merge, found: None };
    assert_eq!(refusal(&committed, Change::commit_merge(S1)), expected, "not twice");
}

#[test]
fn registering_never_replaces_anything() {
    let table =
        Table::from_records([ShardRecord::new(S1, KeyRange::try_from("d".."m").unwrap(), N1)]).unwrap();
    let new = |id: u64, start: &str, end: &str| {
        Change::register(ShardRecord::new(ShardId(id), KeyRange::try_from(start..end).unwrap(), N1))
    };
    for (start, end) in [("a", "e"), ("a", "z"), ("e", "f"), ("l", "z"), ("d", "m"), ("", "d\0")] {
        let refused = refusal(&table, new(2, start, end));
        assert!(matches!(refused, Error::Overlap { owner: S1, .. }), "{start}..{end}: {refused}");
    }
    assert!(matches!(refusal(&table, new(1, "x", "z")), Error::ShardExists { shard: S1, .. }));
    assert_eq!(
        after(&table, &[new(7, "a", "d"), new(5, "m", "n")]).len(),
        3,
        "neighbours touch, ids in any order"
    );

    let mut fenced = ShardRecord::new(S2, KeyRange::from("m"..), N1);
    fenced.state = ShardState::Splitting;
    let expected = Error::NeedsOperation { shard: S2, state: ShardState::Splitting };
    assert_eq!(refusal(&table, Change::register(fenced)), expected);
}

#[test]
fn ids_are_never_given_twice_and_epochs_of_a_name_never_go_back() {
    let last = ShardId(u64::MAX - 1);
    let table = after(&neighbours(), &[Change::remove(S2)]);
    let record = |id, counter| {
        let mut record = ShardRecord::new(id, KeyRange::from("m"..), N1);
        (record.epoch.range, record.version) = (counter, counter);
        Change::register(record)
    };
    let reused = Error::ReusedId { shard: S2, epoch: Epoch::FIRST, version: 1, fresh: 3 };
    assert_eq!(refusal(&table, record(S2, 1)), reused);
    assert_eq!(
        after(&table, &[record(S2, 2)]).len(),
        2,
        "the name again, but nothing that was seen of it fits"
    );
    let (_, outcome) = apply(&after(&table, &[record(ShardId(77), 1)]), Change::split(S1, "f")).unwrap();
    assert!(matches!(outcome, Outcome::Split(Halves { lower: ShardId(78), upper: ShardId(79), .. })));

    let full = after(&table, &[record(last, 1)]);
    assert_eq!(refusal(&full, Change::split(S1, "f")), Error::Exhausted { what: "supply of shard ids" });
    let end = record(ShardId(u64::MAX), 1);
    assert_eq!(refusal(&table, end), Error::Exhausted { what: "supply of shard ids" });
}

/// Found by the property tests: a shard that was removed and registered anew under its id could have the version of the old
/// one, so that an update meant for that one went through.
#[test]
fn a_shard_under_an_old_name_has_no_old_version() {
    let table = neighbours();
    let mut again = table.shard(S2).unwrap().to_record();
    again.epoch.range += 1;
    let changes = [Change::remove(S2), Change::register(again.clone())];
    let cause = table.apply(&changes).expect_err("its version was seen").into_cause();
    assert!(matches!(cause, Error::ReusedId { version: 1, .. }), "{cause}");
    again.version += 1;
    assert!(table.apply(&[Change::remove(S2), Change::register(again)]).is_ok());
}

#[test]
fn an_update_is_refused_when_somebody_was_faster() {
    let table = neighbours();
    let mut mine = table.shard(S1).unwrap().to_record();
    mine.replicas = vec![N3, N2];
    mine.estimates.keys = 5;
    let updated = after(&table, &[Change::update(mine.clone()).at(Timestamp(3))]);
    let shard = updated.shard(S1).unwrap();
    assert_eq!(
        (shard.version(), shard.epoch(), shard.updated()),
        (2, Epoch { range: 1, members: 2 }, Timestamp(3))
    );
    assert_eq!(shard.replicas(), [N2, N3], "in order");

    let stale = Error::StaleVersion { shard: S1, expected: 1, found: 2 };
    assert_eq!(refusal(&updated, Change::update(mine.clone())), stale, "and told the current one");
    assert_eq!(refusal(&updated, Change::remove(S1).if_version(S1, 1)), stale);
    let (expected, found) = (Epoch::FIRST, shard.epoch());
    let refused = refusal(&updated, Change::split(S1, "f").if_epoch(S1, Epoch::FIRST));
    assert_eq!(refused, Error::StaleEpoch { shard: S1, expected, found });
    let refused = refusal(&updated, Change::split(S1, "f").if_revision(1));
    assert_eq!(refused, Error::StaleRevision { expected: 1, found: 2 });
    assert!(
        apply(&updated, Change::split(S1, "f").if_revision(2).if_version(S1, 2).if_epoch(S1, found)).is_ok()
    );

    mine.range = KeyRange::try_from("".."f").unwrap();
    assert!(matches!(refusal(&table, Change::update(mine)), Error::RangeChanged { shard: S1, .. }));
}

#[test]
fn a_transaction_is_all_or_nothing_and_one_revision() {
    let table = neighbours();
    let changes = [Change::split(S1, "f"), Change::transfer(S2, N3), Change::merge(S1, S2)];
    let cause = Box::new(Error::NoSuchShard { shard: S1 });
    assert_eq!(table.apply(&changes).unwrap_err(), Error::Transaction { index: 2, cause });
    assert_eq!(table, neighbours());
    let (next, summary) = table.apply(&changes[..2]).unwrap();
    assert_eq!((summary.base, summary.revision, next.revision()), (1, 2, 2));
}

#[test]
fn a_change_that_alters_nothing_makes_no_revision() {
    let table = neighbours();
    let record = table.shard(S1).unwrap().to_record();
    let idle = [
        Change::bring_online(S1),
        Change::report(S1, record.estimates),
        Change::report(S1, record.estimates).at(record.updated),
        Change::update(record),
    ];
    let (next, summary) = table.apply(&idle).unwrap();
    assert_eq!((summary.altered(), &next), (false, &table));
    assert_eq!(summary.outcomes, [Outcome::Unchanged; 4]);
    assert_eq!(table.apply(&[]).unwrap().0, table);
}

#[test]
fn counters_at_their_end_refuse() {
    let last = |change: fn(&mut ShardRecord)| {
        let mut record = ShardRecord::new(S1, KeyRange::full(), N1);
        change(&mut record);
        Table::from_records([record]).unwrap()
    };
    let range = last(|record| record.epoch.range = u64::MAX);
    assert_eq!(refusal(&range, Change::split(S1, "m")), Error::Exhausted { what: "range epoch" });
    let members = last(|record| record.epoch.members = u64::MAX);
    assert_eq!(refusal(&members, Change::add_replica(S1, N2)), Error::Exhausted { what: "members epoch" });
    let version = last(|record| record.version = u64::MAX);
    assert_eq!(refusal(&version, Change::take_offline(S1)), Error::Exhausted { what: "version" });
    let mut image = neighbours().to_image();
    image.revision = u64::MAX;
    let table = Table::from_image(image).unwrap();
    assert_eq!(table.apply(&[Change::transfer(S1, N2)]).unwrap_err(), Error::Exhausted { what: "revision" });
}

/// Five events that partly exclude each other, in every order. Each order ends in a sound table, and whatever was accepted
/// in it is there.
#[test]
fn events_in_every_order_leave_a_sound_table() {
    let events = [
        Change::split_naming(S1, "f", Naming::KeepLower),
        Change::merge_naming(S1, S2, Naming::KeepLower),
        Change::transfer(S2, N2),
        Change::begin_split(S2, "t", Naming::KeepUpper),
        Change::commit_split(S2),
    ];
    let mut orders = 0;
    permute(&mut [0, 1, 2, 3, 4], 0, &mut |order| {
        orders += 1;
        let mut table = neighbours();
        for event in order {
            let Ok((next, outcome)) = apply(&table, events[*event].clone()) else { continue };
            assert_ne!(outcome, Outcome::Unchanged);
            for before in table.shards() {
                assert!(next.shard(before.id()).is_none_or(|after| before.epoch() <= after.epoch()));
            }
            table = next;
        }
        assert_eq!(table.gaps().next(), None);
        assert_eq!(table.shards().map(|shard| shard.estimates().keys).sum::<u64>(), 202, "{order:?}");
    });
    assert_eq!(orders, 120);
}

fn permute(order: &mut [usize; 5], from: usize, visit: &mut impl FnMut(&[usize; 5])) {
    if from == order.len() {
        visit(order);
    }
    for other in from..order.len() {
        order.swap(from, other);
        permute(order, from + 1, visit);
        order.swap(from, other);
    }
}

#[test]
fn images_that_contradict_themselves_are_refused() {
    let table = after(&neighbours(), &[Change::begin_split(S1, "f", Naming::Fresh)]);
    let refused = |change: fn(&mut shardway::TableImage)| {
        let mut image = table.to_image();
        change(&mut image);
        Table::from_image(image).expect_err("it contradicts itself")
    };
    let broken = |error: Error| matches!(error, Error::Broken { .. });
    assert!(matches!(refused(|image| image.operations.clear()), Error::NeedsOperation { shard: S1, .. }));
    assert!(broken(refused(|image| image.shards[0].state = ShardState::Active)));
    assert!(broken(refused(|image| image.operations.push(image.operations[0].clone()))));
    assert!(broken(refused(|image| image.next_id = 2)));
    assert!(broken(refused(|image| {
        image.shards.remove(0);
    })));
    assert!(broken(refused(|image| {
        if let Operation::Split { at, .. } = &mut image.operations[0] {
            *at = "z".into();
        }
    })));
    assert!(matches!(refused(|image| image.shards[1].id = S1), Error::ShardExists { shard: S1, .. }));
    assert!(matches!(refused(|image| image.shards[1].range = KeyRange::from("l"..)), Error::Overlap { .. }));
    assert!(matches!(refused(|image| image.shards[1].replicas.push(N1)), Error::LeaderAsReplica { .. }));
    assert!(matches!(refused(|image| image.shards[1].replicas.push(N2)), Error::DuplicateReplica { .. }));
}
