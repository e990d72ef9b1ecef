//! Many keys at once, groups of them, scans of one range and of several, gaps, totals and cuts, against single look-ups and
//! full scans.

use shardway::{Key, KeyEnd, KeyRange, Measure, NodeId, Refusal, Shard, Table};

use super::bulk::Grown;
use super::many;
use crate::dense::script::Script;

/// A table of any kind, and keys on which shards start or might.
fn table(script: &mut Script<'_>) -> (Table, Vec<Key>) {
    let mut grown = Grown::new(script);
    if script.below(2) == 0 {
        (0..1 + script.below(5)).for_each(|_| grown.change(script));
        let keys = (0..40).map(|_| grown.key(script.below(256) << 6 | script.below(64)));
        return (grown.table.clone(), keys.collect());
    }
    let mut table = Table::whole(NodeId(1));
    for _ in 0..1 + script.below(24) {
        let Some(changes) = script.transaction(&table) else { break };
        table = table.apply(&changes).map_or(table, |(next, _)| next);
    }
    (table, (0..30).map(|_| crate::dense::key(script.below(crate::dense::POINTS))).collect())
}

pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::new(&bytes[..bytes.len().min(500)]);
    let (table, mut keys) = table(&mut script);
    // Keys beside those that are ends of shards.
    for place in 0..keys.len() {
        let key = keys[place].as_bytes();
        let beside = [key, &[u8::try_from(script.below(256)).unwrap_or(0)]].concat();
        keys.push(Key::from(beside));
    }
    check_many(&table, &keys);
    for pair in keys.chunks_exact(2).take(12) {
        let (start, end) = (pair[0].clone().min(pair[1].clone()), pair[0].clone().max(pair[1].clone()));
        if let Ok(range) = KeyRange::new(start, KeyEnd::At(end)) {
            check_range(&table, &range);
        }
        check_range(&table, &KeyRange::from(pair[0].clone()..));
    }
    check_range(&table, &KeyRange::full());
    many::check_orders(&table, &keys);
    keys.iter().for_each(|key| many::check_before(&table, key));
    for _ in 0..4 {
        many::check_scans(&table, &many::ranges(&mut script, &keys));
    }
}

fn check_many(table: &Table, keys: &[Key]) {
    let mut answers = Vec::new();
    for size in [0, 1, 15, 16, 17, keys.len()] {
        for keys in keys.chunks(size.max(1)) {
            table.resolve_many(keys, &mut answers);
            assert!(answers.iter().copied().eq(keys.iter().map(|key| table.resolve(key))));
        }
    }
    for key in keys {
        let owner = table.shards().find(|shard| shard.range().contains(key));
        assert_eq!(table.resolve(key), owner.map(|owner| owner.route()).ok_or(Refusal::NoOwner));
        assert_eq!(table.owner(key), owner);
    }
}

fn check_range(table: &Table, range: &KeyRange) {
    let expected: Vec<Shard<'_>> = table.shards().filter(|shard| shard.range().overlaps(range)).collect();
    assert!(table.range(range).eq(expected.iter().copied()));
    assert!(table.range(range).rev().eq(expected.iter().rev().copied()));
    // From both ends at once, up to where they meet.
    let mut ends = table.range(range);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some(shard) = ends.next() {
        front.push(shard);
        back.extend(ends.next_back());
    }
    front.extend(back.into_iter().rev());
    assert_eq!(front, expected);

    // Shards and gaps together are the range, without overlap.
    let owned = expected.iter().filter_map(|shard| Some(shard.range().intersection(range)?.to_key_range()));
    let mut parts: Vec<KeyRange> = owned.chain(table.gaps_in(range)).collect();
    parts.sort_by(|one, other| one.start().cmp(other.start()));
    let whole = parts.into_iter().reduce(|low, high| low.join(&high).expect("parts that meet"));
    assert_eq!(whole.as_ref(), Some(range));

    let sum = |of: fn(&Shard<'_>) -> u64| expected.iter().map(of).fold(0, u64::saturating_add);
    let totals = table.totals(range);
    assert_eq!(totals.shards, expected.len() as u64);
    assert_eq!(totals.keys, sum(|shard| shard.estimates().keys));
    assert_eq!(totals.bytes, sum(|shard| shard.estimates().bytes));
    for parts in [1, 2, 7, 500] {
        let cuts = table.cut(range, parts, Measure::Shards);
        assert!(cuts.len() < parts && cuts.is_sorted_by(|one, next| one < next));
        for cut in &cuts {
            assert!(cut.as_bytes() > range.start() && range.contains(cut));
            assert!(expected.iter().any(|shard| shard.start() == cut.as_bytes()));
        }
        // Whole shards, so no part has more than its share and one.
        let shares = cuts.iter().map(|cut| expected.partition_point(|shard| shard.start() < cut.as_bytes()));
        let shares: Vec<_> = [0].into_iter().chain(shares).chain([expected.len()]).collect();
        let most = shares.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        assert!(most <= expected.len().div_ceil(parts) + 1, "{most} of {} in {parts}", expected.len());
    }
}
