//! The cases that clients of other systems test their caches with, asked of this one: TiKV's region cache (`client-go`),
//! CockroachDB's range cache, and the tablets of ScyllaDB's Rust driver. Each test names the case that it follows, and says where
//! this cache answers otherwise.

#![allow(clippy::disallowed_types, reason = "the tests count loads")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use shardway::{
    Access, Change, Denial, Epoch, Error, KeyEnd, KeyRange, LoadError, Missing, Node, NodeId, NodeStatus,
    Preference, Refusal, RouteCache, ShardId, ShardRecord, Table, Timestamp, Token,
};

const NOW: Timestamp = Timestamp(0);

fn range(start: &str, end: &str) -> KeyRange {
    let end = if end.is_empty() { KeyEnd::Unbounded } else { KeyEnd::At(end.into()) };
    KeyRange::new(start.into(), end).unwrap()
}

/// A shard at an epoch of its range, led by node 1.
fn shard(id: u64, start: &str, end: &str, counter: u64) -> ShardRecord {
    let mut record = ShardRecord::new(ShardId(id), range(start, end), NodeId(1));
    record.epoch.range = counter;
    record
}

fn led_by(leader: u64, members: u64, record: &ShardRecord) -> ShardRecord {
    let mut record = record.clone();
    record.leader = NodeId(leader);
    record.epoch.members = members;
    record
}

fn knowing(records: &[ShardRecord]) -> RouteCache {
    let cache = RouteCache::new();
    let learned = cache.learn(records.to_vec(), NOW);
    assert_eq!(learned.refused, []);
    cache
}

/// Ids of all that is known, in key order.
fn known(cache: &RouteCache) -> Vec<u64> {
    let table = cache.snapshot();
    table.verify().unwrap();
    table.shards().map(|shard| shard.id().0).collect()
}

fn refused(cache: &RouteCache, record: ShardRecord) -> Error {
    let mut learned = cache.learn([record], NOW);
    assert_eq!((learned.new.len(), learned.refused.len()), (0, 1));
    learned.refused.remove(0).1
}

fn leader(cache: &RouteCache, key: &str) -> Option<u64> {
    cache.resolve(key).ok().map(|route| route.leader.0)
}

/// The cluster that clients ask.
fn from(table: &Table) -> impl Fn(Missing) -> Result<Vec<ShardRecord>, Error> {
    |missing| Ok(table.owner(missing.key).map(|shard| shard.to_record()).into_iter().collect())
}

fn changed(table: &Table, changes: &[Change]) -> Table {
    table.apply(changes).unwrap().0
}

/// Asks as a client does until it is served; gives how often it was denied.
fn ask(cache: &RouteCache, table: &Table, key: &str) -> usize {
    for denials in 0.. {
        let route = cache.resolve_or_load(key, NOW, from(table)).unwrap();
        match table.admit(route.leader, route.token(), key, Access::Read) {
            Ok(_) => return denials,
            Err(Denial::Stale { current }) => {
                cache.cure(route.token(), current.map(|shard| shard.to_record()), NOW);
            }
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!()
}

// TiKV's region cache.

/// `TestSimple`: what is known is found, and gone when it has not been heard of for too long.
#[test]
fn what_was_not_heard_of_for_long_is_loaded_again() {
    let cache = knowing(&[shard(1, "a", "m", 1), shard(2, "m", "", 1)]);
    cache.learn([shard(2, "m", "", 1)], Timestamp(500));
    assert_eq!(cache.forget_older(Duration::from_millis(600), Timestamp(600)), 0);
    assert_eq!(cache.forget_older(Duration::from_millis(600), Timestamp(601)), 1);
    assert_eq!(known(&cache), [2], "the other was confirmed meanwhile");
    assert_eq!(cache.resolve("a"), Err(Refusal::NoOwner));
}

/// `TestInsertStaleRegion`: what is older than a split does not come back over its children.
#[test]
fn a_parent_does_not_come_back_over_its_children() {
    let cache = knowing(&[shard(1, "", "", 1)]);
    cache.learn([shard(1, "", "m", 2), shard(2, "m", "", 2)], NOW);
    let error = refused(&cache, shard(1, "", "", 1));
    assert_eq!(
        error.to_string(),
        r#"shard 1 at epoch 1:1 is no news: shard 1 is known, at epoch 2:1, to own "".."m""#
    );
    // Also where only one of the children is known.
    cache.forget(shard(1, "", "m", 2).route().token());
    assert!(matches!(refused(&cache, shard(1, "", "", 1)), Error::NotNewer { known: ShardId(2), .. }));
    assert_eq!(known(&cache), [2]);
}

/// `TestSplit`: a request that goes by the old region is told, and both children are found.
#[test]
fn a_split_is_found_out_by_one_denial() {
    let old = Table::whole(NodeId(1));
    let cache = RouteCache::new();
    assert_eq!(ask(&cache, &old, "a"), 0);
    let new = changed(&old, &[Change::split(ShardId(1), "m")]);
    assert_eq!(ask(&cache, &new, "z"), 1);
    assert_eq!(ask(&cache, &new, "a"), 0, "loaded, and right");
    assert_eq!(known(&cache), [2, 3]);
}

/// `TestMerge`: one that knows both parts learns the whole by asking either.
#[test]
fn a_merge_takes_the_place_of_both() {
    let old = changed(&Table::whole(NodeId(1)), &[Change::split(ShardId(1), "m")]);
    let cache = RouteCache::new();
    assert_eq!((ask(&cache, &old, "a"), ask(&cache, &old, "z")), (0, 0));
    let new = changed(&old, &[Change::merge(ShardId(2), ShardId(3))]);
    assert_eq!((ask(&cache, &new, "z"), ask(&cache, &new, "a")), (1, 0));
    assert_eq!(known(&cache), [4]);
}

/// `TestUpdateLeader`: the region stays, its leader is another. An older leader does not come back.
#[test]
fn a_leader_that_has_moved_is_learned_and_an_older_one_is_not() {
    let first = shard(1, "", "", 1);
    let cache = knowing(std::slice::from_ref(&first));
    assert_eq!(cache.learn([led_by(2, 2, &first)], NOW).replaced, 1);
    assert_eq!(leader(&cache, "a"), Some(2));
    assert!(matches!(refused(&cache, led_by(3, 1, &first)), Error::NotNewer { .. }));
    assert_eq!(leader(&cache, "a"), Some(2));
}

/// `TestDropStore`, `TestReconnect`: a store that does not answer takes all that it leads along, and no more.
#[test]
fn a_node_that_does_not_answer_takes_its_routes_along() {
    let parts = [shard(1, "", "g", 1), shard(2, "g", "m", 1), shard(3, "m", "t", 1), shard(4, "t", "", 1)];
    let mut follows = led_by(2, 1, &parts[3]);
    follows.replicas = vec![NodeId(1)];
    let cache = knowing(&[parts[0].clone(), led_by(2, 1, &parts[1]), parts[2].clone(), follows]);
    assert_eq!(cache.forget_node(NodeId(1)), 2);
    assert_eq!(known(&cache), [2, 4], "what it follows is led by another");
    assert_eq!(cache.forget_node(NodeId(1)), 0);
}

/// `TestRegionEpochAheadOfTiKV`: the client knows more than the node. Nothing is forgotten: the node has to catch up.
#[test]
fn a_node_that_is_behind_does_not_make_a_client_forget() {
    let behind = Table::whole(NodeId(1));
    let ahead = changed(&behind, &[Change::split(ShardId(1), "m")]);
    let cache = RouteCache::new();
    ask(&cache, &ahead, "z");
    let route = cache.resolve("z").unwrap();
    let denied = behind.admit(route.leader, route.token(), "z", Access::Read);
    assert!(matches!(denied, Err(Denial::Ahead { .. })));
    // Even one who takes that node's word is not led astray by it.
    cache.learn(behind.shards().map(|shard| shard.to_record()), NOW);
    assert_eq!(cache.resolve("z"), Ok(route));
}

/// `TestFollowerReadFallback`, `TestReplicaSelector`: where the leader is known to be down, a replica is asked.
#[test]
fn a_copy_is_chosen_by_what_is_known_of_nodes() {
    let mut record = shard(1, "", "", 1);
    record.replicas = vec![NodeId(2), NodeId(3)];
    let cache = knowing(&[record]);
    for (id, zone) in [(1, "a"), (2, "b"), (3, "a")] {
        cache.put_node(Node::new(NodeId(id), format!("10.0.0.{id}")).with_label("zone", zone)).unwrap();
    }
    let down = Node { status: NodeStatus::Down, ..Node::new(NodeId(1), "10.0.0.1") };
    cache.put_node(down).unwrap();
    let table = cache.snapshot();
    assert!(matches!(cache.reader().resolve_for("a", Access::Read), Err(Refusal::LeaderDown { .. })));
    let copy =
        |zone| table.copy_for(table.owner("a").unwrap(), Preference::Nearest(&[("zone", zone)])).unwrap();
    assert_eq!(["b", "a"].map(|zone| &*table.node(copy(zone)).unwrap().address), ["10.0.0.2", "10.0.0.3"]);
}

/// `TestScanRegionsWithGaps`: what was loaded has a gap, which stays one.
#[test]
fn a_load_with_gaps_leaves_gaps() {
    let (first, last) = (shard(1, "a", "g", 1), shard(2, "m", "t", 1));
    let truth = Table::from_records([first, last]).unwrap();
    let all = |missing: Missing| -> Result<_, Error> {
        Ok(truth.range(&missing.part).map(|shard| shard.to_record()).collect())
    };
    let cache = RouteCache::new();
    assert!(matches!(cache.resolve_or_load("h", NOW, all), Err(LoadError::NoOwner)));
    assert_eq!(known(&cache), [1, 2], "what it brought besides is learned");
    assert!(cache.snapshot().gaps().eq(truth.gaps()));
}

// CockroachDB's range cache.

/// `TestRangeCache`: each range is looked up once, whichever of its keys is asked for, and again when it was evicted.
#[test]
fn each_range_is_looked_up_once_and_again_when_forgotten() {
    let truth = Table::from_records([shard(1, "a", "b", 1), shard(2, "b", "c", 1), shard(3, "c", "d", 1)]);
    let (truth, cache, lookups) = (truth.unwrap(), RouteCache::new(), AtomicUsize::new(0));
    let look = |key: &str| {
        let before = lookups.load(Ordering::Relaxed);
        let load = |missing| {
            lookups.fetch_add(1, Ordering::Relaxed);
            from(&truth)(missing)
        };
        assert_eq!(cache.resolve_or_load(key, NOW, load).ok(), truth.resolve(key).ok());
        lookups.load(Ordering::Relaxed) - before
    };
    assert_eq!([look("aa"), look("az"), look("a"), look("b"), look("cz")], [1, 0, 0, 1, 1]);
    assert!(cache.forget(cache.resolve("az").unwrap().token()));
    assert_eq!([look("b"), look("aa"), look("az")], [0, 1, 0]);
}

/// `TestRangeCacheCoalescedRequests`: concurrent look-ups of one range are one. There, look-ups of different keys are joined if
/// both were in one descriptor that was evicted; here, if they lie in one gap.
#[test]
fn concurrent_look_ups_of_one_range_are_one() {
    let (truth, cache, lookups) = (Table::whole(NodeId(1)), RouteCache::new(), AtomicUsize::new(0));
    let all = Barrier::new(4);
    thread::scope(|scope| {
        for key in ["a", "b", "b", "z"] {
            let (truth, cache, lookups, all) = (&truth, &cache, &lookups, &all);
            scope.spawn(move || {
                all.wait();
                let load = |missing| {
                    lookups.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                    from(truth)(missing)
                };
                assert!(cache.resolve_or_load(key, NOW, load).is_ok());
            });
        }
    });
    assert_eq!(lookups.into_inner(), 1);
}

/// `TestRangeCacheDetectSplit`, `TestRangeCacheHandleDoubleSplit`: a client that asks in all thirds of what it believes to be one
/// range looks each of them up once at most.
#[test]
fn a_range_that_was_split_twice_is_found_in_three_parts() {
    let old = Table::whole(NodeId(1));
    let cache = RouteCache::new();
    ask(&cache, &old, "a");
    let new = changed(&old, &[Change::split(ShardId(1), "g"), Change::split(ShardId(3), "t")]);
    assert_eq!((ask(&cache, &new, "h"), ask(&cache, &new, "z"), ask(&cache, &new, "a")), (1, 0, 0));
    assert_eq!(known(&cache).len(), 3);
}

/// `TestRangeCacheClearOverlapping`: a newer one clears all that it overlaps, in the midst and at both ends.
#[test]
fn a_newer_range_clears_all_that_it_overlaps() {
    for (start, end, left) in [
        ("", "", &[9][..]),
        ("b", "z", &[9]),
        ("a", "g", &[9, 2, 3]),
        ("g", "h", &[1, 9, 3]),
        ("k", "n", &[1, 9]),
        ("z", "", &[1, 2, 9]),
    ] {
        let cache = knowing(&[shard(1, "a", "g", 1), shard(2, "g", "m", 1), shard(3, "m", "zz", 1)]);
        cache.learn([shard(9, start, end, 2)], NOW);
        assert_eq!(known(&cache), left, "{start}..{end}");
    }
}

/// `TestRangeCacheClearOlderOverlapping`, `TestRangeCacheGeneration`: one that is newer than some of those that it overlaps and
/// not than others is refused. There, the older ones are cleared all the same; here nothing is touched.
#[test]
fn one_that_is_newer_than_some_only_is_refused_whole() {
    let both = [shard(1, "a", "g", 1), shard(2, "g", "m", 3)];
    let cache = knowing(&both);
    for counter in [1, 2, 3] {
        let refusal = refused(&cache, shard(3, "a", "m", counter));
        assert!(matches!(refusal, Error::NotNewer { .. }));
        assert_eq!(known(&cache), [1, 2]);
    }
    assert_eq!(cache.learn([shard(3, "a", "m", 4)], NOW).replaced, 2);
    assert_eq!(known(&cache), [3]);
}

/// `TestGetCachedRangeDescriptorInverted`: who walks backward from a key wants the range before it.
#[test]
fn the_range_before_a_key_is_found() {
    let cache = knowing(&[shard(1, "a", "c", 1), shard(2, "g", "z", 1)]);
    let table = cache.snapshot();
    for (key, before) in [("a", None), ("b", Some(1)), ("c", Some(1)), ("g", Some(1)), ("ga", Some(2))] {
        assert_eq!(table.before(key).map(|shard| shard.id().0), before, "{key}");
    }
    assert_eq!(table.gap_at("d"), Some(range("c", "g")));
}

/// `TestRangeCacheEvict`, `EvictAndReplace`: compare and evict. Who is late evicts nothing.
#[test]
fn who_was_denied_late_forgets_nothing() {
    let first = shard(1, "", "", 1);
    let cache = knowing(std::slice::from_ref(&first));
    let old = first.route().token();
    cache.cure(old, [led_by(2, 2, &first)], NOW);
    assert!(!cache.forget(old));
    assert_eq!(cache.cure(old, [first], NOW).refused.len(), 1);
    assert_eq!(leader(&cache, "a"), Some(2));
    assert!(!cache.forget(Token { shard: ShardId(7), epoch: Epoch::FIRST }));
}

/// `TestRangeCacheSyncTokenAndMaybeUpdateCache`: news that come with an answer are taken, and older ones that come late are not.
#[test]
fn news_come_in_any_order() {
    let steps: Vec<_> = (1..=4).map(|members| led_by(members, members, &shard(1, "", "", 1))).collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let cache = RouteCache::new();
        for place in order {
            cache.learn([steps[place].clone()], NOW);
        }
        assert_eq!(leader(&cache, "a"), Some(4), "{order:?}");
    }
}

/// Not a case of theirs: the truth may also be younger by the counters than what is known, where a shard was removed and its keys
/// were registered anew. A denial that comes with it cures that too, since it forgets what was denied.
#[test]
fn a_cure_that_counts_less_is_taken_in_the_place_of_what_was_denied() {
    let old = shard(7, "a", "m", 9);
    let (cache, new) = (knowing(std::slice::from_ref(&old)), shard(8, "a", "m", 1));
    assert!(matches!(refused(&cache, new.clone()), Error::NotNewer { .. }));
    assert_eq!(cache.cure(old.route().token(), [new], NOW).refused, []);
    assert_eq!(known(&cache), [8]);
}

// Tablets of ScyllaDB's Rust driver.

/// `test_add_tablet`: what comes takes the place of all that it overlaps, also in part, and leaves the rest alone. There, what
/// comes last is right; here, what is newer.
#[test]
fn what_overlaps_in_part_is_gone_whole() {
    let cache = knowing(&[
        shard(1, "b", "e", 1),
        shard(2, "e", "h", 1),
        shard(3, "h", "k", 1),
        shard(4, "p", "q", 1),
    ]);
    assert_eq!(cache.learn([shard(5, "c", "i", 2)], NOW).replaced, 3);
    assert_eq!(known(&cache), [5, 4]);
    for missing in ["b", "i", "j", "k"] {
        assert_eq!(cache.resolve(missing), Err(Refusal::NoOwner), "{missing}");
    }
}

/// `test_maintenance`: nodes that are gone, and nodes that come back under their name with another address.
#[test]
fn a_node_that_comes_back_is_found_where_it_is_now() {
    let cache = knowing(&[shard(1, "", "", 1)]);
    cache.put_node(Node::new(NodeId(1), "10.0.0.1")).unwrap();
    cache.put_node(Node::new(NodeId(1), "10.0.0.9")).unwrap();
    assert_eq!(cache.snapshot().node(NodeId(1)).unwrap().address, "10.0.0.9");
    assert_eq!(known(&cache), [1]);
}

/// `get_tablet_for_token`: before the first, in gaps, behind the last.
#[test]
fn nothing_is_known_in_gaps() {
    let cache = knowing(&[shard(1, "b", "c", 1), shard(2, "g", "h", 1)]);
    let answers = ["", "a", "b", "bz", "c", "f", "g", "h", "z"].map(|key| cache.resolve(key).is_ok());
    assert_eq!(answers, [false, false, true, true, false, false, true, false, false]);
}
