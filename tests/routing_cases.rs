//! The cases that other systems test their routing tables with, asked of this one: TiKV's region cache (`client-go`)
//! and placement driver (PD), CockroachDB's range cache and range iterator, MongoDB's chunk manager. Each test names
//! the case that it follows, and says where this table answers otherwise.

use shardway::{
    Access, Change, Denial, Direction, Epoch, Error, Estimates, Fate, Grouping, Key, KeyEnd, KeyRange,
    Naming, NodeId, Refusal, Shard, ShardId, ShardRecord, Table,
};

fn range(start: &str, end: &str) -> KeyRange {
    let end = if end.is_empty() { KeyEnd::Unbounded } else { KeyEnd::At(end.into()) };
    KeyRange::new(start.into(), end).unwrap()
}

/// Shards of these ranges, numbered from 1; an empty end is unbounded.
fn table(ranges: &[(&str, &str)]) -> Table {
    let records = ranges
        .iter()
        .zip(1..)
        .map(|((start, end), id)| ShardRecord::new(ShardId(id), range(start, end), NodeId(id)));
    Table::from_records(records).unwrap()
}

/// Shards 1 to 10 over the single bytes 0 to 9.
fn ten() -> Table {
    let range = |byte: u8| KeyRange::try_from([byte]..[byte + 1]).unwrap();
    Table::from_records(
        (0..10).map(|byte| ShardRecord::new(ShardId(u64::from(byte) + 1), range(byte), NodeId(1))),
    )
    .unwrap()
}

fn id(shard: Option<Shard<'_>>) -> Option<u64> {
    shard.map(|shard| shard.id().0)
}

fn with(table: &Table, change: Change) -> Table {
    let (table, _) = table.apply(&[change]).unwrap();
    table.verify().unwrap();
    table
}

fn refusal(table: &Table, change: Change) -> Error {
    table.apply(&[change]).map(drop).unwrap_err().into_cause()
}

fn scanned(table: &Table, ranges: &[KeyRange], limit: usize) -> Vec<u64> {
    table.scan(ranges, Direction::Forward).unwrap().take(limit).map(|shard| shard.id().0).collect()
}

/// What a strict scan finds, up to a limit.
fn covered(table: &Table, ranges: &[KeyRange], limit: usize) -> Result<Vec<u64>, Error> {
    let scan = table.scan(ranges, Direction::Forward)?.strict();
    scan.take(limit).map(|shard| shard.map(|shard| shard.id().0)).collect()
}

fn bytes(ranges: &[(&[u8], &[u8])]) -> Vec<KeyRange> {
    ranges.iter().map(|(start, end)| KeyRange::try_from(*start..*end).unwrap()).collect()
}

/// PD, `TestBatchScanRegions`: whole, with a limit, ranges apart from each other.
#[test]
fn several_ranges_with_a_limit() {
    let table = ten();
    let tail = |byte: u8| [KeyRange::from([byte]..)];
    assert_eq!(scanned(&table, &tail(0), 10), (1..=10).collect::<Vec<_>>());
    assert_eq!(scanned(&table, &tail(1), 5), (2..=6).collect::<Vec<_>>());
    let even = bytes(&[(&[0], &[1]), (&[2], &[3]), (&[4], &[5]), (&[6], &[7]), (&[8], &[9])]);
    assert_eq!(covered(&table, &even, 10), Ok(vec![1, 3, 5, 7, 9]));
    assert_eq!(covered(&table, &even, 3), Ok(vec![1, 3, 5]));
    assert_eq!(covered(&table, &even, 0), Ok(vec![]));
}

/// PD, `TestBatchScanRegions`: several ranges in one region give it once; so do ranges that overlap, which PD refuses.
#[test]
fn a_shard_comes_once_for_all_its_ranges() {
    let table = ten();
    let parts = bytes(&[
        (&[0], &[0, 1]),
        (&[0, 2], &[0, 3]),
        (&[0, 3], &[0, 4]),
        (&[0, 5], &[0, 6]),
        (&[0, 7], &[3]),
        (&[4], &[5]),
    ]);
    assert_eq!(covered(&table, &parts, 10), Ok(vec![1, 2, 3, 5]));
    assert_eq!(covered(&table, &bytes(&[(&[1], &[3]), (&[0], &[2])]), 10), Ok(vec![1, 2, 3]));
}

/// PD, `TestBatchScanRegions`: an inverted range is refused; a hole at the end or between regions is an error if all
/// has to be covered, and none if not.
#[test]
fn holes_are_errors_only_where_all_is_to_be_covered() {
    let table = ten();
    let inverted = table.scan(&[[1_u8]..[0]], Direction::Forward).map(drop);
    assert_eq!(inverted, Err(Error::EmptyRange { start: Key::from([1]), end: KeyEnd::At(Key::from([0])) }));
    let last = bytes(&[(&[9], &[10, 1])]);
    assert_eq!(scanned(&table, &last, 10), [10]);
    let hole = |start: &[u8], end: &[u8]| Error::Uncovered { gap: KeyRange::try_from(start..end).unwrap() };
    assert_eq!(covered(&table, &last, 10), Err(hole(&[10], &[10, 1])));
    let far = ShardRecord::new(ShardId(100), KeyRange::try_from([100]..[101]).unwrap(), NodeId(1));
    let table = with(&table, Change::register(far));
    assert_eq!(covered(&table, &bytes(&[(&[9], &[101])]), 10), Err(hole(&[10], &[100])));
}

/// client-go, `TestRangesAreCoveredCheck` and `TestScanRegionsWithGaps`: gaps in front, inside, at the end and of whole
/// ranges; beyond the limit nothing is asked for.
#[test]
fn gaps_are_found_wherever_they_are_and_only_within_the_limit() {
    let table = table(&[("b", "d"), ("f", "h"), ("h", "k")]);
    let gap = |start, end| Err(Error::Uncovered { gap: range(start, end) });
    assert_eq!(covered(&table, &[range("b", "d"), range("f", "k")], 9), Ok(vec![1, 2, 3]));
    assert_eq!(covered(&table, &[range("a", "c")], 9), gap("a", "b"));
    assert_eq!(covered(&table, &[range("c", "g")], 9), gap("d", "f"));
    assert_eq!(covered(&table, &[range("g", "z")], 9), gap("k", "z"));
    assert_eq!(covered(&table, &[range("g", "")], 9), gap("k", ""));
    assert_eq!(covered(&table, &[range("b", "c"), range("d", "e"), range("f", "g")], 9), gap("d", "e"));
    assert_eq!(covered(&table, &[range("g", "z")], 2), Ok(vec![2, 3]));
    assert_eq!(scanned(&table, &[range("a", "z")], 9), [1, 2, 3]);
}

/// client-go, `TestBatchLoadLimitRanges`: page after page is what one call gives, holes or none.
#[test]
fn pages_add_up() {
    let table = table(&[("a", "b"), ("c", "d"), ("d", "e"), ("e", "f"), ("x", "")]);
    let mut rest = vec![range("", "d"), range("dd", "g"), range("y", "")];
    let whole = scanned(&table, &rest, usize::MAX);
    let mut pages = Vec::new();
    while !rest.is_empty() {
        let mut scan = table.scan(&rest, Direction::Forward).unwrap();
        pages.push(scan.by_ref().take(2).map(|shard| shard.id().0).collect::<Vec<_>>());
        rest = scan.rest();
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(pages.concat(), whole);
}

/// client-go, `LocateEndKey`; CockroachDB, look-ups by inverted key: an end is exclusive, so it belongs to the shard
/// before it.
#[test]
fn an_end_belongs_to_the_shard_before() {
    let table = table(&[("", "b"), ("b", "d"), ("f", "")]);
    assert_eq!(id(table.before("")), None);
    assert_eq!((id(table.owner("b")), id(table.before("b"))), (Some(2), Some(1)));
    assert_eq!((id(table.owner("b\0")), id(table.before("b\0"))), (Some(2), Some(2)));
    assert_eq!((id(table.owner("d")), id(table.before("d"))), (None, Some(2)));
    assert_eq!(
        (id(table.owner("f")), id(table.before("f"))),
        (Some(3), Some(2)),
        "the nearest, over the gap"
    );
    assert_eq!(id(table.shards().next_back()), Some(3), "before an unbounded end");
}

/// client-go, `GroupKeysByRegion`: keys by region, in the order in which they came, also with keys that nobody owns.
#[test]
fn keys_are_grouped_around_holes() {
    let table = table(&[("a", "c"), ("c", "e"), ("g", "")]);
    let mut grouping = Grouping::new();
    table.group_by_shard(&["z", "b", "f", "c", "a", "", "g", "b"], &mut grouping);
    let groups: Vec<_> = grouping.groups().map(|group| (group.of.shard.0, group.positions)).collect();
    assert_eq!(groups, [(1, &[1, 4, 7][..]), (2, &[3]), (3, &[0, 6])]);
    assert_eq!(grouping.unowned(), [2, 5]);
}

/// client-go, `TestInsertStaleRegion`; CockroachDB, `TestRangeCacheClearOlderOverlapping`: what arrives late does not
/// replace what is newer, by update or as a shard of its own, and changes nothing.
#[test]
fn stale_news_are_refused() {
    let old = Table::whole(NodeId(1));
    let stale = old.shard(ShardId(1)).unwrap().to_record();
    let (table, _) = old.apply(&[Change::split(ShardId(1), "m")]).unwrap();
    // The parent, late: gone, and its keys have owners, whatever name it takes.
    assert_eq!(refusal(&table, Change::update(stale.clone())), Error::NoSuchShard { shard: ShardId(1) });
    for id in [1, 90] {
        let mut late = stale.clone();
        late.id = ShardId(id);
        assert!(matches!(refusal(&table, Change::register(late)), Error::Overlap { owner: ShardId(2), .. }));
    }
    // A child as it was before its leader moved.
    let before = table.shard(ShardId(2)).unwrap().to_record();
    let table = with(&table, Change::transfer(ShardId(2), NodeId(9)));
    assert!(matches!(refusal(&table, Change::update(before.clone())), Error::StaleVersion { .. }));
    let mut late = before;
    late.version = table.shard(ShardId(2)).unwrap().version();
    assert!(matches!(refusal(&table, Change::update(late)), Error::StaleEpoch { .. }));
    assert_eq!(table.resolve("a").unwrap().leader, NodeId(9));
}

/// client-go, `TestRemoveIntersectingRegions` and `TestMerge`: who still names the parts of what was merged is told the
/// whole.
#[test]
fn tokens_of_merged_shards_lead_to_the_one_that_is_left() {
    let table = Table::whole(NodeId(1));
    let (parts, _) = table.apply(&[Change::split(ShardId(1), "b"), Change::split(ShardId(3), "d")]).unwrap();
    let tokens = ["a", "b", "x"].map(|key| parts.resolve(key).unwrap().token());
    let merged = with(&parts, Change::merge(ShardId(2), ShardId(4)));
    let merged = with(&merged, Change::merge(ShardId(6), ShardId(5)));
    for token in tokens {
        let denied = merged.admit(NodeId(1), token, "c", Access::Read).unwrap_err();
        assert!(matches!(denied, Denial::Stale { current } if id(current.clone().next()) == Some(7)));
        assert!(matches!(merged.fate(token), Fate::Merged(heir) if heir.id() == ShardId(7)));
    }
}

/// client-go, `TestSplit`: a scan that has begun in the parent goes on in the children.
#[test]
fn a_scan_goes_on_over_a_split() {
    let table = table(&[("", "m"), ("m", "")]);
    let mut scan = table.scan(&[..], Direction::Backward).unwrap();
    assert_eq!(id(scan.next()), Some(2));
    let rest = scan.rest();
    let table = with(&table, Change::split_naming(ShardId(1), "f", Naming::KeepLower));
    let ids: Vec<_> = table.scan(&rest, Direction::Backward).unwrap().map(|shard| shard.id().0).collect();
    assert_eq!(ids, [3, 1]);
}

/// PD, `TestRegionItem`: a start is inside, an end is not, and no end is above all.
#[test]
fn starts_are_inside_and_ends_are_not() {
    let bounded = table(&[("b", "d")]);
    let open = table(&[("b", "")]);
    let owned = |table: &Table| ["a", "b", "c", "d"].map(|key| table.resolve(key).is_ok());
    assert_eq!(owned(&bounded), [false, true, true, false]);
    assert_eq!(owned(&open), [false, true, true, true]);
}

/// PD, `TestRegionTree`: searches in a tree with holes, before and after they are filled, and neighbours. PD's
/// `searchPrev` gives nothing over a hole; here the nearest comes, and whether it is adjacent can be asked.
#[test]
fn searches_and_neighbours_around_holes() {
    let empty = Table::empty();
    assert_eq!((empty.resolve("a"), id(empty.before("a"))), (Err(Refusal::NoOwner), None));
    let holes = table(&[("a", "b"), ("c", "d")]);
    assert_eq!(
        ["", "a", "b", "c", "d"].map(|key| id(holes.owner(key))),
        [None, Some(1), None, Some(2), None]
    );
    assert_eq!(["a", "b", "c"].map(|key| id(holes.before(key))), [None, Some(1), Some(1)]);
    assert!(!holes.before("c").unwrap().range().is_adjacent(&holes.owner("c").unwrap().range()));

    let filled = with(&holes, Change::register(ShardRecord::new(ShardId(3), range("b", "c"), NodeId(1))));
    assert_eq!(["b", "c"].map(|key| id(filled.before(key))), [Some(1), Some(3)]);
    let moved = with(&filled, Change::remove(ShardId(2)));
    let moved = with(&moved, Change::register(ShardRecord::new(ShardId(4), range("d", ""), NodeId(1))));
    assert_eq!(
        ["", "a", "b", "c", "d"].map(|key| id(moved.owner(key))),
        [None, Some(1), Some(3), None, Some(4)]
    );
    let beside = |shard| (id(moved.previous(ShardId(shard))), id(moved.next(ShardId(shard))));
    assert_eq!([1, 3, 4].map(beside), [(None, Some(3)), (Some(1), Some(4)), (Some(3), None)]);
    assert_eq!(refusal(&moved, Change::remove(ShardId(123))), Error::NoSuchShard { shard: ShardId(123) });
}

/// PD, `TestRegionTree` (a region over others replaces them), and CockroachDB, `TestRangeCacheClearOverlapping`: here
/// it is refused, and names the first that is in the way; with their removal in one transaction it takes their place.
#[test]
fn what_overlaps_is_refused_until_the_others_go() {
    let crowded = table(&[("", "a"), ("a", "b"), ("b", "c"), ("d", "")]);
    let wide = || Change::register(ShardRecord::new(ShardId(9), range("", "d"), NodeId(1)));
    assert!(matches!(refusal(&crowded, wide()), Error::Overlap { owner: ShardId(1), .. }));
    let removals = [1, 2, 3].map(|id| Change::remove(ShardId(id)));
    let (next, _) = crowded.apply(&[&removals[..], &[wide()]].concat()).unwrap();
    assert_eq!(["", "a", "c", "d"].map(|key| id(next.owner(key))), [Some(9), Some(9), Some(9), Some(4)]);
    let tail = Change::register(ShardRecord::new(ShardId(10), range("e", ""), NodeId(1)));
    assert!(matches!(refusal(&next, tail), Error::Overlap { owner: ShardId(4), .. }));
}

/// PD, `TestRegionTreeStat` and `TestRegionTreeMerge`: sums follow reports, removals and merges.
#[test]
fn sums_follow_what_is_reported_and_removed() {
    let table = table(&[("a", "b"), ("b", "c")]);
    let table = with(&table, Change::transfer(ShardId(2), NodeId(1)));
    assert_eq!(table.totals(..).bytes, 0);
    let table = with(&table, Change::report(ShardId(1), Estimates { keys: 2, bytes: 1 }));
    let table = with(&table, Change::report(ShardId(2), Estimates { keys: 4, bytes: 3 }));
    assert_eq!((table.totals(..).keys, table.totals(..).bytes), (6, 4));
    let table = with(&table, Change::report(ShardId(2), Estimates { keys: 6, bytes: 5 }));
    assert_eq!(table.totals(..).bytes, 6);
    assert_eq!(with(&table, Change::merge(ShardId(1), ShardId(2))).totals(..).bytes, 6);
    assert_eq!(with(&table, Change::remove(ShardId(1))).totals(..).bytes, 5);
}

/// PD, `TestRegionTreeSplitAndMerge`: everything split in two again and again, then merged in pairs, with each shard
/// found by its start and by the last key before its end, and not by the key at its end.
#[test]
fn splits_and_merges_in_rounds() {
    let mut table = Table::whole(NodeId(1));
    let rounds = [true; 7].into_iter().chain([false; 7]).chain((1..15).map(|round| round % 3 != 0));
    for splits in rounds {
        let shards: Vec<_> = table.shards().map(|shard| (shard.id(), shard.range().to_key_range())).collect();
        let changes: Vec<_> = if splits {
            let halved = |(id, range): &(ShardId, KeyRange)| Some(Change::split(*id, range.midpoint().ok()?));
            shards.iter().filter_map(halved).collect()
        } else {
            shards.chunks_exact(2).map(|pair| Change::merge(pair[0].0, pair[1].0)).collect()
        };
        (table, _) = table.apply(&changes).unwrap();
        table.verify().unwrap();
        for shard in table.shards() {
            assert_eq!(table.owner(shard.start()), Some(shard));
            if let Some(end) = shard.end().key() {
                assert_eq!(table.before(end), Some(shard));
                assert_ne!(table.owner(end), Some(shard));
            }
        }
        assert_eq!(covered(&table, &[KeyRange::full()], usize::MAX).map(|all| all.len()), Ok(table.len()));
    }
}

/// The alphabet, a shard each.
fn alphabet() -> Table {
    let letter = |byte: u8| {
        ShardRecord::new(
            ShardId(u64::from(byte - b'a')),
            KeyRange::try_from([byte - 1]..[byte]).unwrap(),
            NodeId(1),
        )
    };
    Table::from_records((b'b'..=b'z').map(letter)).unwrap()
}

/// CockroachDB, `TestRangeIterForward` and `TestRangeIterReverse`: all ranges of a span, up and down, and no more.
#[test]
fn ranges_of_a_span_both_ways() {
    let table = alphabet();
    for (direction, expected) in
        [(Direction::Forward, (1..=25).collect::<Vec<_>>()), (Direction::Backward, (1..=25).rev().collect())]
    {
        let all = table.scan(&["a".."z"], direction).unwrap().strict();
        let ids: Result<Vec<_>, _> = all.map(|shard| shard.map(|shard| shard.id().0)).collect();
        assert_eq!(ids, Ok(expected));
    }
    assert_eq!(
        scanned(&table, &[range("c", "f")], 99),
        [3, 4, 5],
        "the one that starts at the end is not in it"
    );
}

/// CockroachDB, `TestRangeIterSeekForward` and `TestRangeIterSeekReverse`: every other range, by seeking past the next
/// one.
#[test]
fn seeking_past_the_next() {
    let table = alphabet();
    let mut up = Vec::new();
    let mut from = table.range("a"..).next();
    while let Some(shard) = from {
        up.push(shard.id().0);
        from = shard.end().key().and_then(|end| table.range([end[0] + 1]..).next());
    }
    assert_eq!(up, (1..=25).step_by(2).collect::<Vec<_>>());
    let mut down = Vec::new();
    let mut from = table.before("z");
    while let Some(shard) = from {
        down.push(shard.id().0);
        from = table.before([shard.start()[0] - 1]);
    }
    assert_eq!(down, (1..=25).rev().step_by(2).collect::<Vec<_>>());
}

/// MongoDB, `ChunkManagerQueryTest` (range queries on the bounds of chunks, from least to greatest key). There the
/// greater bound of a query is inclusive, so "less than a split point" reaches the chunk above; here an end is
/// exclusive and does not.
#[test]
fn queries_on_the_bounds_of_chunks() {
    let table = table(&[("", "x"), ("x", "y"), ("y", "z"), ("z", "")]);
    let asked = |from, to| scanned(&table, &[range(from, to)], 9);
    assert_eq!(asked("", ""), [1, 2, 3, 4], "all");
    assert_eq!(asked("x", "x\0"), [2], "equal to a split point");
    assert_eq!((asked("", "x"), asked("", "x\0")), (vec![1], vec![1, 2]), "less, and less or equal");
    assert_eq!((asked("y", ""), asked("y\0", "")), (vec![3, 4], vec![3, 4]), "greater or equal, and greater");
    assert_eq!(asked("\u{10ffff}", ""), [4], "the greatest");
    let set = ["u", "y", "u"]
        .map(|key| KeyRange::new(Key::from(key), KeyEnd::At([key, "\0"].concat().into())).unwrap());
    assert_eq!(scanned(&table, &set, 9), [1, 3], "a set of keys, in no order");
}

/// MongoDB, routing table history: chunks that overlap or leave a hole are no routing table, and neither is a chunk
/// with the version of one that is gone. Here holes may be, and a strict scan finds the first.
#[test]
fn tables_that_contradict_themselves() {
    let record = |id, start, end| ShardRecord::new(ShardId(id), range(start, end), NodeId(1));
    let overlapping = Table::from_records([record(1, "", "g"), record(2, "f", "")]);
    assert!(matches!(overlapping, Err(Error::Overlap { .. })));
    let holed = Table::from_records([record(1, "", "f"), record(2, "g", "")]).unwrap();
    assert_eq!(covered(&holed, &[KeyRange::full()], 9), Err(Error::Uncovered { gap: range("f", "g") }));
    let mut again = record(2, "g", "");
    again.epoch = Epoch::FIRST;
    let removed = with(&holed, Change::remove(ShardId(2)));
    assert!(matches!(refusal(&removed, Change::register(again.clone())), Error::ReusedId { .. }));
    again.epoch.range += 1;
    again.version += 1;
    assert_eq!(id(with(&removed, Change::register(again)).owner("z")), Some(2));
}
