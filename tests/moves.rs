//! Differences as moves of key ranges: each reason by name, and tables of thousands of shards with gaps against a comparison
//! piece by piece.

#[allow(dead_code, reason = "others ask what is not asked here")]
mod dense;

use dense::follow::assert_moves_are_complete;
use shardway::{Change, KeyRange, Naming, NodeId, ShardId, ShardRecord, Table, Why};

/// What moved, as text: range, shard and leader before and after, reason, and whether data did.
fn told(old: &Table, new: &Table) -> Vec<String> {
    assert_moves_are_complete(old, new);
    assert_moves_are_complete(new, old);
    let end = |shard: Option<shardway::Shard<'_>>| {
        shard.map_or("-".into(), |shard| format!("{}@{}", shard.id().0, shard.leader().0))
    };
    old.moves(new)
        .map(|keys| {
            let data = if keys.changes_node() { " with data" } else { "" };
            format!("{} {} to {}: {:?}{data}", keys.range, end(keys.from), end(keys.to), keys.why)
        })
        .collect()
}

fn after(table: &Table, changes: &[Change]) -> Table {
    table.apply(changes).unwrap().0
}

/// Shards 1 to "m" and 2 from there on.
fn halves() -> Table {
    after(&Table::whole(NodeId(1)), &[Change::split_naming(ShardId(1), "m", Naming::KeepLower)])
}

#[test]
fn each_reason_has_its_name() {
    let whole = Table::whole(NodeId(1));
    let halves = halves();
    let (one, two) = (ShardId(1), ShardId(2));
    assert_eq!(
        told(&whole, &halves),
        [r#""m".. 1@1 to 2@1: Split"#],
        "what keeps its name stays where it is"
    );
    assert_eq!(
        told(&halves, &after(&halves, &[Change::merge_naming(one, two, Naming::KeepUpper)])),
        [r#""".."m" 1@1 to 2@1: Merged"#]
    );
    assert_eq!(
        told(&halves, &after(&halves, &[Change::transfer(two, NodeId(7))])),
        [r#""m".. 2@1 to 2@7: Transferred with data"#]
    );
    let replicated = after(&halves, &[Change::add_replica(two, NodeId(7))]);
    assert_eq!(told(&halves, &replicated), [r#""m".. 2@1 to 2@1: Replicated with data"#]);
    let handed_over = after(&replicated, &[Change::transfer(two, NodeId(7))]);
    assert_eq!(told(&replicated, &handed_over), [r#""m".. 2@1 to 2@7: Transferred"#], "both have the data");
    let removed = after(&halves, &[Change::remove(one)]);
    assert_eq!(told(&halves, &removed), [r#""".."m" 1@1 to -: Removed with data"#]);
    let record = ShardRecord::new(ShardId(9), KeyRange::try_from("c".."f").unwrap(), NodeId(4));
    let registered = after(&removed, &[Change::register(record)]);
    assert_eq!(told(&removed, &registered), [r#""c".."f" - to 9@4: Registered with data"#]);
    assert_eq!(
        told(&halves, &registered),
        [
            r#""".."c" 1@1 to -: Removed with data"#,
            r#""c".."f" 1@1 to 9@4: Replaced with data"#,
            r#""f".."m" 1@1 to -: Removed with data"#,
        ]
    );
}

#[test]
fn several_changes_are_one_move_where_they_meet() {
    let halves = halves();
    let new = after(
        &halves,
        &[
            Change::merge(ShardId(1), ShardId(2)),
            Change::split(ShardId(3), "t"),
            Change::transfer(ShardId(5), NodeId(2)),
        ],
    );
    assert_eq!(
        told(&halves, &new),
        [
            r#""".."m" 1@1 to 4@1: Merged"#,
            r#""m".."t" 2@1 to 4@1: Replaced"#,
            r#""t".. 2@1 to 5@2: Split with data"#,
        ]
    );
}

#[test]
fn what_stays_where_it_is_has_not_moved() {
    let halves = halves();
    let same = after(
        &halves,
        &[
            Change::report(ShardId(1), shardway::Estimates { keys: 1, bytes: 1 }),
            Change::take_offline(ShardId(2)),
            Change::put_node(shardway::Node::new(NodeId(1), "here")),
        ],
    );
    assert_eq!((told(&halves, &same), told(&halves, &halves)), (vec![], vec![]));
    assert_eq!(told(&Table::empty(), &halves).len(), 2);
}

/// Three thousand shards of four keys each, of which every seventh is missing; then runs of changes all over them.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn thousands_of_shards_with_gaps() {
    let key = |number: u64| format!("row/{number:06}");
    let records = (1..=3_000u64).filter(|number| number % 7 != 0).map(|number| {
        let range = KeyRange::try_from(key(4 * number).as_str()..key(4 * number + 4).as_str()).unwrap();
        ShardRecord::new(ShardId(number), range, NodeId(number / 100))
    });
    let old = Table::from_records(records).unwrap();
    let mut changes = Vec::new();
    for number in 1..3_000 {
        let (id, at) = (ShardId(number), key(4 * number + 2));
        match number % 97 {
            7 if number % 7 == 0 => {
                let range = KeyRange::try_from(key(4 * number).as_str()..at.as_str()).unwrap();
                changes.push(Change::register(ShardRecord::new(ShardId(10_000 + number), range, NodeId(99))));
            }
            _ if number % 7 == 0 => {}
            1 => changes.push(Change::split_naming(id, at, Naming::KeepUpper)),
            2 => changes.push(Change::remove(id)),
            3 => changes.push(Change::transfer(id, NodeId(77))),
            4..40 if number > 2_000 => changes.push(Change::remove(id)),
            _ => {}
        }
    }
    for number in (1_000..1_400u64).filter(|number| number % 7 > 1 && number % 97 > 40) {
        let [one, other] = [number - 1, number].map(ShardId);
        let next = after(&old, &changes);
        let fits = |id| next.shard(id).map(|shard| shard.leader());
        if fits(one).is_some()
            && fits(one) == fits(other)
            && next.next(one).map(|shard| shard.id()) == Some(other)
        {
            changes.push(Change::merge_naming(one, other, Naming::KeepUpper));
        }
    }
    let new = after(&old, &changes);
    new.verify().unwrap();
    let found: Vec<_> = old.moves(&new).map(|keys| keys.why).collect();
    for why in [Why::Registered, Why::Removed, Why::Transferred, Why::Split, Why::Merged] {
        assert!(found.contains(&why), "{why:?}");
    }
    assert_moves_are_complete(&old, &new);
    assert_moves_are_complete(&new, &old);
    assert_moves_are_complete(&Table::empty(), &new);
    assert_moves_are_complete(&Table::from_image(old.to_image()).unwrap(), &new);
}
