//! Batches in groups and scans of several ranges, against a map and a filter over all shards.

use std::collections::BTreeMap;

use shardway::{
    Access, Direction, Error, Grouping, Key, KeyEnd, KeyRange, Leader, NodeId, NodeStatus, Route, Router,
    Shard, Table,
};

use crate::dense::script::Script;

/// Groups of earlier batches are in the buffers, and must not be seen.
#[derive(Default)]
pub(crate) struct Buffers {
    by_shard: Grouping<Route>,
    by_leader: Grouping<Leader>,
}

/// Every key is in the group of its owner or is named as nobody's, and groups and keys are in the order that is promised.
pub(crate) fn check_groups<K: AsRef<[u8]>>(table: &Table, keys: &[K], buffers: &mut Buffers) {
    let mut unowned = Vec::new();
    let mut shards = BTreeMap::<&[u8], (Route, Vec<usize>)>::new();
    let mut leaders = BTreeMap::<NodeId, Vec<usize>>::new();
    for (position, key) in keys.iter().enumerate() {
        let Some(owner) = table.owner(key) else {
            unowned.push(position);
            continue;
        };
        shards.entry(owner.start()).or_insert_with(|| (owner.route(), Vec::new())).1.push(position);
        leaders.entry(owner.leader()).or_default().push(position);
    }
    let Buffers { by_shard, by_leader } = buffers;
    table.group_by_shard(keys, by_shard);
    assert_eq!((by_shard.unowned(), by_shard.groups().len()), (&unowned[..], shards.len()));
    let found = by_shard.groups().map(|group| (group.of, group.positions.to_vec()));
    assert!(found.eq(shards.into_values()));

    table.group_by_leader(keys, by_leader);
    assert_eq!((by_leader.unowned(), by_leader.groups().len()), (&unowned[..], leaders.len()));
    let found = by_leader.groups().map(|group| (group.of.node, group.positions.to_vec()));
    assert!(found.eq(leaders));
    for Leader { node, is_down, .. } in by_leader.groups().map(|group| group.of) {
        assert_eq!(is_down, table.status(node) == NodeStatus::Down);
    }
}

/// The same keys in several orders, and a part of them twice.
pub(crate) fn check_orders(table: &Table, keys: &[Key]) {
    let buffers = &mut Buffers::default();
    check_groups(table, keys, buffers);
    check_groups::<Key>(table, &[], buffers);
    let mut sorted = keys.to_vec();
    sorted.sort();
    check_groups(table, &sorted, buffers);
    check_reader(table, keys, &sorted);
    // One key that is out of order, late.
    if let [first, .., last] = &mut sorted[..] {
        std::mem::swap(first, last);
        check_groups(table, &sorted, buffers);
    }
    sorted.extend_from_slice(keys);
    check_groups(table, &sorted, buffers);
    sorted.sort_by(|one, next| next.cmp(one));
    check_groups(table, &sorted, buffers);
}

/// A reader that is asked for keys in order, each several times, and so looks first where it was last, says what the table says; and
/// so when they come in no order again.
fn check_reader(table: &Table, keys: &[Key], sorted: &[Key]) {
    let mut reader = Router::new(table.clone()).reader();
    let mut answers = Vec::new();
    let dense = sorted.iter().flat_map(|key| [key; 10]);
    let keys: Vec<&Key> = dense.chain(keys).chain(sorted).collect();
    let expected: Vec<_> = keys.iter().map(|key| table.resolve(key)).collect();
    for (key, answer) in keys.iter().zip(&expected) {
        assert_eq!(reader.resolve(key), *answer);
        assert_eq!(reader.resolve_for(key, Access::Write), table.resolve_for(key, Access::Write));
    }
    reader.resolve_many(&keys, &mut answers);
    assert_eq!(answers, expected);
    table.resolve_many(&keys, &mut answers);
    assert_eq!(answers, expected);
}

/// A shard that is asked for, or a gap.
type Piece<'t> = Result<Shard<'t>, KeyRange>;

/// What a scan meets, from the keys at which anything starts or ends: between two of them all keys are alike.
fn pieces<'t>(table: &'t Table, ranges: &[KeyRange]) -> Vec<Piece<'t>> {
    let ends = |range: KeyRange<&[u8]>| [Some(range.start().to_vec()), range.end().key().map(<[u8]>::to_vec)];
    let shards = table.shards().map(|shard| shard.range());
    let all = shards.chain(ranges.iter().map(KeyRange::as_bytes)).flat_map(ends).flatten();
    let mut keys: Vec<Key> = all.map(Key::from).collect();
    keys.sort();
    keys.dedup();
    let mut pieces: Vec<Piece<'t>> = Vec::new();
    for (place, start) in keys.iter().enumerate() {
        if !ranges.iter().any(|range| range.contains(start)) {
            continue;
        }
        let end = keys.get(place + 1).map_or(KeyEnd::Unbounded, |end| KeyEnd::At(end.clone()));
        let part = KeyRange::new(start.clone(), end).unwrap();
        match (table.owner(start), pieces.last_mut()) {
            (Some(owner), Some(Ok(last))) if last.start() == owner.start() => {}
            (Some(owner), _) => pieces.push(Ok(owner)),
            (None, Some(Err(gap))) if gap.is_before_and_adjacent(&part) => *gap = gap.join(&part).unwrap(),
            (None, _) => pieces.push(Err(part)),
        }
    }
    pieces
}

/// Whole scans, strict ones, and pages of several sizes that continue each other, in both directions.
pub(crate) fn check_scans(table: &Table, ranges: &[KeyRange]) {
    let forward = pieces(table, ranges);
    let backward = forward.iter().rev().cloned().collect();
    for (direction, pieces) in [(Direction::Forward, forward), (Direction::Backward, backward)] {
        let shards: Vec<_> = pieces.iter().filter_map(|piece| piece.as_ref().ok()).copied().collect();
        let mut scan = table.scan(ranges, direction).unwrap();
        assert!(scan.by_ref().eq(shards.iter().copied()));
        assert!(scan.next().is_none() && scan.rest().is_empty());

        for limit in [1, 2, 7, 100] {
            let mut pages = Vec::new();
            let mut rest = ranges.to_vec();
            while !rest.is_empty() {
                let mut scan = table.scan(&rest, direction).unwrap();
                assert_eq!(scan.by_ref().take(0).count(), 0);
                let before = pages.len();
                pages.extend(scan.by_ref().take(limit));
                assert!(pages.len() - before <= limit);
                assert!(pages.len() - before == limit || scan.rest().is_empty());
                rest = scan.rest();
            }
            assert_eq!(pages, shards, "{limit} at once");
        }
        check_strict(table, ranges, direction, &pieces);
    }
}

fn check_strict(table: &Table, ranges: &[KeyRange], direction: Direction, pieces: &[Piece<'_>]) {
    let mut scan = table.scan(ranges, direction).unwrap().strict();
    for piece in pieces {
        let found = scan.next().unwrap();
        assert_eq!(found, piece.clone().map_err(|gap| Error::Uncovered { gap }));
        if let Err(gap) = piece {
            assert!(scan.next().is_none());
            let rest = scan.rest();
            let at_gap = match direction {
                Direction::Forward => rest[0].start() == gap.start(),
                Direction::Backward => rest[rest.len() - 1].end() == gap.end(),
            };
            assert!(at_gap, "{rest:?} goes on at {gap}");
            return;
        }
    }
    assert!(scan.next().is_none() && scan.rest().is_empty());
}

/// The last shard of all that start below a key.
pub(crate) fn check_before(table: &Table, key: &Key) {
    assert_eq!(table.before(key), table.shards().rfind(|shard| shard.start() < key.as_bytes()));
}

/// Several ranges from keys, in any order, over each other or apart.
pub(crate) fn ranges(script: &mut Script<'_>, keys: &[Key]) -> Vec<KeyRange> {
    let mut ranges = Vec::new();
    for _ in 0..1 + script.below(5) {
        let mut pick = || keys[script.below(keys.len())].clone();
        let (one, other) = (pick(), pick());
        let (start, end) = (one.clone().min(other.clone()), one.max(other));
        match KeyRange::new(start.clone(), KeyEnd::At(end)) {
            Ok(range) if script.below(8) > 0 => ranges.push(range),
            _ => ranges.push(KeyRange::from(start..)),
        }
    }
    ranges
}
