//! Two versions of a table: what moved between them, against a comparison piece by piece, and the delta from one to the other,
//! applied to a copy that shares nothing.

use shardway::{Error, KeyEnd, KeyRange, Move, NodeId, Shard, ShardId, Table, TableImage, Why};

/// A table that is equal, and shares nothing.
pub(crate) fn copy(table: &Table) -> Table {
    Table::from_image(table.to_image()).unwrap()
}

/// Whether a table of no lesser counters than another comes of a delta to it.
fn goes_on(old: &TableImage, new: &TableImage) -> bool {
    let (before, now) = (old.floor, new.floor);
    old == new
        || new.revision > old.revision
            && new.next_id >= old.next_id
            && now.version >= before.version
            && now.epoch.range >= before.epoch.range
            && now.epoch.members >= before.epoch.members
}

/// The delta from one table to another leads there, unless that is going back, from the one that it is for and from no other.
pub(crate) fn assert_delta_leads(old: &Table, new: &Table) {
    let delta = old.delta(new);
    assert_eq!((delta.from, delta.to), (old.revision(), new.revision()));
    let (before, after) = (old.to_image(), new.to_image());
    match copy(old).apply_delta(&delta) {
        Ok(table) => {
            assert!(goes_on(&before, &after));
            table.verify().unwrap();
            assert_eq!(table.to_image(), after);
            assert_eq!(table.digest(), new.digest());
        }
        Err(_) => assert!(!goes_on(&before, &after)),
    }
    assert_eq!(old.digest() == new.digest(), before == after);
    if before != after {
        let refused = new.apply_delta(&delta).expect_err("it is for another table");
        assert_eq!(matches!(refused, Error::StaleRevision { .. }), old.revision() != new.revision());
        assert_eq!(matches!(refused, Error::OtherTable { .. }), old.revision() == new.revision());
    }
}

/// A shard's name and who holds it.
fn holders(shard: Option<Shard<'_>>) -> Option<(ShardId, NodeId, Vec<NodeId>)> {
    shard.map(|shard| (shard.id(), shard.leader(), shard.replicas().to_vec()))
}

/// By looking up each piece of the keyspace that has one owner in both.
pub(crate) fn assert_moves_are_complete(old: &Table, new: &Table) {
    let mut cuts: Vec<KeyEnd<&[u8]>> = vec![KeyEnd::At(&[]), KeyEnd::Unbounded];
    for shard in old.shards().chain(new.shards()) {
        cuts.extend([KeyEnd::At(shard.start()), shard.end()]);
    }
    cuts.sort();
    cuts.dedup();
    let mut expected: Vec<(KeyRange, Option<Shard<'_>>, Option<Shard<'_>>)> = Vec::new();
    for pair in cuts.windows(2) {
        let KeyEnd::At(start) = pair[0] else { unreachable!("nothing is above the end of the keyspace") };
        let (from, to) = (old.owner(start), new.owner(start));
        if holders(from) == holders(to) {
            continue;
        }
        let range = KeyRange::new(start, pair[1]).unwrap().to_key_range();
        match expected.last_mut() {
            Some((whole, before, after)) if (*before, *after) == (from, to) && whole.is_adjacent(&range) => {
                *whole = whole.join(&range).unwrap();
            }
            _ => expected.push((range, from, to)),
        }
    }
    let found: Vec<Move<'_, '_>> = old.moves(new).collect();
    found.iter().for_each(assert_reason);
    assert!(
        found
            .iter()
            .map(|found| (&found.range, found.from, found.to))
            .eq(expected.iter().map(|(range, from, to)| (range, *from, *to)))
    );
}

fn assert_reason(keys: &Move<'_, '_>) {
    let held = |shard: Option<Shard<'_>>| -> Vec<NodeId> {
        let mut all: Vec<_> =
            shard.into_iter().flat_map(|shard| [&[shard.leader()], shard.replicas()].concat()).collect();
        all.sort();
        all
    };
    assert_eq!(keys.changes_node(), held(keys.from) != held(keys.to));
    let (Some(from), Some(to)) = (keys.from, keys.to) else {
        assert_eq!(keys.why, if keys.from.is_some() { Why::Removed } else { Why::Registered });
        return assert!(keys.changes_leader() && keys.changes_node());
    };
    assert!(from.range().contains_range(&keys.range) && to.range().contains_range(&keys.range));
    assert_eq!(keys.changes_leader(), from.leader() != to.leader());
    let is_part = |part: Shard<'_>, whole: Shard<'_>| {
        whole.range().contains_range(&part.range()) && part.range() != whole.range()
    };
    let sound = match keys.why {
        Why::Transferred => from.id() == to.id() && from.leader() != to.leader(),
        Why::Replicated => {
            from.id() == to.id() && from.leader() == to.leader() && from.replicas() != to.replicas()
        }
        Why::Split => from.id() != to.id() && is_part(to, from) && from.epoch().range < to.epoch().range,
        Why::Merged => from.id() != to.id() && is_part(from, to) && from.epoch().range < to.epoch().range,
        Why::Replaced => from.id() != to.id(),
        _ => false,
    };
    assert!(sound, "{keys:?}");
}
