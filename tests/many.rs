//! Batches in groups and scans of several ranges, on tables of several levels with gaps, and at their edges.

#[allow(dead_code, reason = "others ask what is not asked here")]
#[path = "checks/many.rs"]
mod checks;
#[allow(dead_code, reason = "others ask what is not asked here")]
mod dense;

use std::cell::Cell;

use checks::{check_before, check_groups, check_orders, check_scans};
use proptest::prelude::*;
use shardway::{
    Change, Direction, Error, Grouping, Key, KeyEnd, KeyRange, Node, NodeId, NodeStatus, Router, ShardId,
    ShardRecord, Table,
};

fn key(number: u32) -> Key {
    Key::from(number.to_be_bytes())
}

/// So many shards, ten keys apart, of which every so many-th is not there; the first from the empty key on.
fn table(count: u32, missing: u32) -> Table {
    let record = |number: u32| {
        let start = if number == 0 { Key::empty() } else { key(10 * number) };
        let range = KeyRange::new(start, KeyEnd::At(key(10 * number + 10))).unwrap();
        ShardRecord::new(
            ShardId(u64::from(number * 7919 % 100_003) + 1),
            range,
            NodeId(u64::from(number % 31)),
        )
    };
    Table::from_records((0..count).filter(|number| number % missing != missing - 1).map(record)).unwrap()
}

const MOST: u32 = if cfg!(miri) { 120 } else { 3_000 };

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 48 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn groups_are_those_of_a_map(
        count in 1..MOST,
        missing in 2..200_u32,
        keys in prop::collection::vec(0..11 * MOST, 0..2_000),
        near in prop::collection::vec(0..300_u32, 0..500),
    ) {
        let table = table(count, missing);
        let keys: Vec<_> = keys.into_iter().chain(near).map(key).collect();
        check_orders(&table, &keys);
    }

    #[test]
    fn scans_are_those_of_points(
        count in 1..MOST / 8,
        missing in 2..60_u32,
        ends in prop::collection::vec((0..11 * MOST / 8, 0..200_u32), 1..7),
        unbounded in 0..12_usize,
    ) {
        let table = table(count, missing);
        let mut ranges: Vec<_> = ends
            .iter()
            .map(|(from, length)| KeyRange::new(key(*from), KeyEnd::At(key(from + length + 1))).unwrap())
            .collect();
        if let Some(range) = ranges.get_mut(unbounded) {
            *range = KeyRange::from(Key::from(range.start())..);
        }
        check_scans(&table, &ranges);
        ends.iter().for_each(|(at, _)| check_before(&table, &key(*at)));
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_batch_may_have_more_keys_than_sixteen_bits_count() {
    let table = table(5_000, 97);
    let keys: Vec<_> =
        (0..70_000_u32).map(|number| key(number.wrapping_mul(2_654_435_761) % 55_000)).collect();
    check_groups(&table, &keys, &mut Default::default());
}

#[test]
fn a_table_without_shards_owns_no_key_and_is_one_gap() {
    let table = Table::empty();
    check_orders(&table, &[key(1), Key::empty()]);
    check_scans(&table, &[KeyRange::full()]);
    check_before(&table, &key(1));
    assert_eq!(table.scan::<KeyRange>(&[], Direction::Forward).unwrap().strict().count(), 0);
}

/// A scan that has found its last shard and not looked beyond leaves what may be a gap.
#[test]
fn a_full_page_may_leave_a_rest_without_shards() {
    let range = KeyRange::try_from("a".."c").unwrap();
    let table = Table::from_records([ShardRecord::new(ShardId(1), range, NodeId(1))]).unwrap();
    let mut scan = table.scan(&["a".."e"], Direction::Forward).unwrap();
    assert_eq!(scan.by_ref().take(1).count(), 1);
    let rest = scan.rest();
    assert_eq!(rest, [KeyRange::try_from("c".."e").unwrap()]);
    assert_eq!(table.scan(&rest, Direction::Forward).unwrap().count(), 0);
}

#[test]
fn ranges_that_touch_are_one() {
    let owned = KeyRange::try_from("a".."b").unwrap();
    let table = Table::from_records([ShardRecord::new(ShardId(1), owned, NodeId(1))]).unwrap();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut scan = table.scan(&["d".."e", "c".."d", "dd".."ee"], direction).unwrap().strict();
        let gap = KeyRange::try_from("c".."ee").unwrap();
        assert_eq!(scan.rest(), std::slice::from_ref(&gap));
        assert_eq!(scan.next(), Some(Err(Error::Uncovered { gap })));
    }
}

/// A key that counts how often it is looked at.
struct Counted<'c>(Key, &'c Cell<usize>);

impl AsRef<[u8]> for Counted<'_> {
    fn as_ref(&self) -> &[u8] {
        self.1.set(self.1.get() + 1);
        self.0.as_ref()
    }
}

#[test]
fn sorted_keys_that_are_close_together_are_looked_at_once() {
    let (looks, table) = (Cell::new(0), table(200, 7));
    let keys: Vec<_> = (0..2_000).map(|number| Counted(key(number), &looks)).collect();
    let mut grouping = Grouping::new();
    table.group_by_shard(&keys, &mut grouping);
    assert_eq!((grouping.groups().len(), grouping.unowned().len()), (172, 280));
    // But for the ends of leaves, and the start.
    assert!(looks.get() < keys.len() + 200, "{} looks at {} keys", looks.get(), keys.len());
}

#[test]
fn a_scan_goes_on_in_a_later_table() {
    let router = Router::whole(NodeId(1));
    let first = router.resolve("").unwrap().shard;
    router.split(first, "h").unwrap();
    let old = router.snapshot();
    let mut scan = old.scan(&["c".."z"], Direction::Forward).unwrap();
    let page: Vec<_> = scan.by_ref().take(1).map(|shard| shard.id()).collect();
    router.split(old.resolve("x").unwrap().shard, "p").unwrap();
    let new = router.snapshot();
    let rest = scan.rest();
    let others = new.scan(&rest, Direction::Forward).unwrap().strict();
    let others: Vec<_> = others.map(|shard| shard.unwrap().start().to_vec()).collect();
    assert_eq!((page.len(), others), (1, vec![b"h".to_vec(), b"p".to_vec()]));
    // What has taken over keys from both sides of the cut comes again.
    router.merge(old.resolve("c").unwrap().shard, new.resolve("h").unwrap().shard).unwrap();
    let starts = router.snapshot();
    let mut starts = starts.scan(&rest, Direction::Forward).unwrap().map(|shard| shard.start());
    assert_eq!((starts.next(), starts.next(), starts.next()), (Some(&b""[..]), Some(&b"p"[..]), None));
}

#[test]
fn a_range_that_holds_no_key_is_refused_wherever_it_stands() {
    let table = Table::whole(NodeId(1));
    for ranges in [["a".."c", "e".."d"], ["e".."d", "a".."c"], ["a".."c", "b".."b"]] {
        for direction in [Direction::Forward, Direction::Backward] {
            let refused = table.scan(&ranges, direction).map(drop);
            assert!(matches!(refused, Err(Error::EmptyRange { start, .. }) if start != Key::from("a")));
        }
    }
}

#[test]
fn a_reader_groups_by_what_is_published_and_marks_who_is_down() {
    let router = Router::whole(NodeId(1));
    let (mut by_shard, mut by_leader) = (Grouping::new(), Grouping::new());
    let mut reader = router.reader();
    let keys = ["x", "a", "y"];
    reader.group_by_shard(&keys, &mut by_shard);
    assert_eq!(by_shard.groups().map(|group| group.positions).collect::<Vec<_>>(), [[0, 1, 2]]);
    let halves = router.split(router.resolve("").unwrap().shard, "m").unwrap();
    let down = Node { status: NodeStatus::Down, ..Node::new(NodeId(1), "one:7000") };
    router.transact([Change::put_node(down), Change::transfer(halves.lower, NodeId(2))]).unwrap();
    reader.group_by_shard(&keys, &mut by_shard);
    let groups: Vec<_> = by_shard.groups().map(|group| (group.of.shard, group.positions)).collect();
    assert_eq!(groups, [(halves.lower, &[1][..]), (halves.upper, &[0, 2])]);
    reader.group_by_leader(&keys, &mut by_leader);
    let groups: Vec<_> =
        by_leader.groups().map(|group| (group.of.node.0, group.of.is_down, group.positions)).collect();
    assert_eq!(groups, [(1, true, &[0, 2][..]), (2, false, &[1])]);
}
