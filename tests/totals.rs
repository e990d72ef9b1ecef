//! Sums and cuts against full sums, on tables of several levels that have been changed here and there, and nodes that share
//! a bit in the sums.

use proptest::prelude::*;
use shardway::{
    Change, Estimates, Key, KeyEnd, KeyRange, Measure, Naming, NodeId, ShardId, ShardRecord, Table,
};

fn key(number: u32) -> Key {
    Key::from(number.to_be_bytes())
}

/// So many shards from key 0 on, ten keys apart, of which every 97th is not there.
fn table(count: u32, estimates: impl Fn(u32) -> Estimates) -> Table {
    let record = |number: u32| {
        let range = KeyRange::new(key(10 * number), KeyEnd::At(key(10 * number + 10))).unwrap();
        let mut record =
            ShardRecord::new(ShardId(u64::from(number) + 1), range, NodeId(u64::from(number % 300)));
        record.replicas = vec![NodeId(300 + u64::from(number % 7))];
        record.estimates = estimates(number);
        record
    };
    Table::from_records((0..count).filter(|number| number % 97 != 96).map(record)).unwrap()
}

fn sums(table: &Table, range: &KeyRange) -> (u64, u64, u64) {
    table.range(range).fold((0, 0, 0), |(shards, keys, bytes), shard| {
        let Estimates { keys: more, bytes: larger } = shard.estimates();
        (shards + 1, keys.saturating_add(more), bytes.saturating_add(larger))
    })
}

fn assert_totals(table: &Table, from: u32, to: u32) {
    let (from, to) = (from.min(to), from.max(to) + 1);
    for range in [KeyRange::new(key(from), KeyEnd::At(key(to))).unwrap(), KeyRange::from(key(from)..)] {
        let totals = table.totals(&range);
        assert_eq!((totals.shards, totals.keys, totals.bytes), sums(table, &range));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn totals_are_full_sums(
        count in 1..4_000_u32,
        asked in prop::collection::vec((0..50_000_u32, 0..50_000_u32), 1..40),
        split in prop::collection::vec(0..40_000_u32, 0..60),
    ) {
        let mut table = table(count, |number| Estimates { keys: u64::from(number * number), bytes: 1 << (number % 50) });
        for at in split {
            let Ok(route) = table.resolve(key(at)) else { continue };
            if let Ok((next, _)) = table.apply(&[Change::split(route.shard, key(at))]) {
                table = next;
            }
        }
        for (from, to) in asked {
            assert_totals(&table, from, to);
        }
        table.verify().unwrap();
    }

    #[test]
    fn parts_are_as_equal_as_whole_shards_allow(
        count in 1..3_000_u32,
        parts in 1..40_usize,
        ends in (0..30_000_u32, 0..30_000_u32),
        seed in any::<u64>(),
    ) {
        let weight = |number: u32| (seed >> (number % 40)) & 0xff;
        let table = table(count, |number| Estimates { keys: weight(number), bytes: 0 });
        let range = KeyRange::new(key(ends.0.min(ends.1)), KeyEnd::At(key(ends.0.max(ends.1) + 1))).unwrap();
        for measure in [Measure::Shards, Measure::Keys, Measure::Bytes] {
            let cuts = table.cut(&range, parts, measure);
            prop_assert!(cuts.len() < parts);
            prop_assert!(cuts.is_sorted_by(|one, next| one < next));
            prop_assert!(cuts.iter().all(|cut| cut.as_bytes() > range.start() && range.contains(cut)));
            // No sum of keys is zero but where there are none, and then shards count, as they do for bytes.
            let of = |range: &KeyRange| match measure {
                Measure::Keys if table.totals(range).keys > 0 => table.totals(range).keys,
                _ => table.totals(range).shards,
            };
            let total = of(&range);
            let heaviest = if measure == Measure::Keys && total > 0 { 0xff } else { 1 };
            for (place, cut) in cuts.iter().enumerate() {
                prop_assert!(table.shards().any(|shard| shard.start() == cut.as_bytes()));
                let below = KeyRange::new(Key::from(range.start()), KeyEnd::At(cut.clone())).unwrap();
                // Each cut is the start nearest to some multiple of a part: less than a shard away from it.
                let near = (1..parts as u64).any(|part| of(&below).abs_diff(total * part / parts as u64) <= heaviest);
                prop_assert!(near, "cut {place} of {cuts:?}");
            }
        }
    }
}

#[test]
fn sums_that_do_not_fit_stay_at_the_greatest_number() {
    let table = table(200, |_| Estimates { keys: u64::MAX / 3, bytes: u64::MAX });
    let totals = table.totals(..);
    assert_eq!((totals.shards, totals.keys, totals.bytes), (198, u64::MAX, u64::MAX));
    // Cuts go by what the sums really are, before the range and in it.
    for (from, parts) in [(0, 4), (1_000, 7)] {
        let cuts = table.cut(key(from).., parts, Measure::Keys);
        assert_eq!(cuts.len(), parts - 1);
        let ends = cuts.iter().cloned().map(KeyEnd::At).chain([KeyEnd::Unbounded]);
        let starts = std::iter::once(key(from)).chain(cuts.iter().cloned());
        let counts =
            starts.zip(ends).map(|(start, end)| table.totals(KeyRange::new(start, end).unwrap()).shards);
        let equal = table.totals(key(from)..).shards / parts as u64;
        assert!(counts.into_iter().all(|count| count.abs_diff(equal) <= 1));
    }
}

#[test]
fn more_parts_than_shards_are_all_shards() {
    let table = table(6, |number| Estimates { keys: u64::from(number), bytes: 0 });
    for parts in [6, 7, 1 << 40, usize::MAX] {
        let starts: Vec<_> = (1..6).map(|number| key(10 * number)).collect();
        assert_eq!(table.cut(.., parts, Measure::Keys), starts);
        let range = KeyRange::new(key(25), KeyEnd::At(key(45))).unwrap();
        assert_eq!(table.cut(&range, parts, Measure::Shards), starts[2..4]);
    }
}

#[test]
fn equal_shards_are_cut_into_equal_parts() {
    let table = table(96, |_| Estimates { keys: 5, bytes: 7 });
    for measure in [Measure::Shards, Measure::Keys, Measure::Bytes] {
        assert_eq!(table.cut(.., 4, measure), [key(240), key(480), key(720)]);
    }
    assert_eq!(table.cut(.., 0, Measure::Keys), []);
    assert_eq!(table.cut(.., 1, Measure::Keys), []);
    assert_eq!(table.cut(key(955).., 4, Measure::Shards), [], "one shard can't be cut");
}

#[test]
fn a_node_finds_its_shards_among_those_of_nodes_with_the_same_bit() {
    let table = table(5_000, |_| Estimates::default());
    for node in [0, 64, 128, 299, 300, 306, 307, 1 << 40] {
        let node = NodeId(node);
        let led = table.shards().filter(|shard| shard.leader() == node);
        assert!(table.led_by(node).eq(led));
        let held = table.shards().filter(|shard| shard.leader() == node || shard.replicas().contains(&node));
        assert!(table.on_node(node).eq(held));
    }
    assert!(table.nodes().eq((0..307).map(NodeId)));
}

#[test]
fn what_a_table_has_no_room_for_is_refused() {
    use shardway::Error;
    let table = Table::whole(NodeId(1));
    let first = table.resolve("").unwrap().shard;
    let long = Key::from(vec![b'k'; (1 << 24) + 1]);
    let refused = table.apply(&[Change::split(first, long.clone())]).unwrap_err().into_cause();
    assert_eq!(refused, Error::TooLarge { what: "bytes of a key", found: (1 << 24) + 1, most: 1 << 24 });
    let refused =
        table.apply(&[Change::begin_split(first, long.clone(), Naming::Fresh)]).unwrap_err().into_cause();
    assert!(matches!(refused, Error::TooLarge { .. }));
    assert!(table.apply(&[Change::split(first, Key::from(vec![b'k'; 1 << 24]))]).is_ok());

    let mut record = table.shard(first).unwrap().to_record();
    record.replicas = (2..2_000).map(NodeId).collect();
    let refused = table.apply(&[Change::update(record.clone())]).unwrap_err().into_cause();
    assert_eq!(refused, Error::TooLarge { what: "replicas", found: 1_998, most: 1_365 });
    assert!(matches!(Table::from_records([record.clone()]), Err(Error::TooLarge { .. })));
    record.replicas.truncate(1_365);
    let (table, _) = table.apply(&[Change::update(record)]).unwrap();
    // Each child has as many: together more than a few leaves' worth.
    let splits = (0..100_u32).fold(table, |table, number| {
        let shard = table.resolve(key(number)).unwrap().shard;
        table.apply(&[Change::split(shard, key(number))]).unwrap().0
    });
    assert!(splits.shards().all(|shard| shard.replicas().len() == 1_365));
    splits.verify().unwrap();
}
