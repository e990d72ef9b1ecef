//! Requests with tokens: what is admitted, what is denied with which cure, and what became of old tokens, held against
//! plain models that follow every point of the keyspace through every change.

#[allow(dead_code, reason = "the model answers more than is asked of it here")]
mod dense;

use std::collections::BTreeSet;

use dense::script::Script;
use dense::{POINTS, key, touched};
use proptest::prelude::*;
use shardway::{
    Access, Change, Denial, Epoch, Fate, Memory, Node, NodeId, NodeStatus, Refusal, Router, Shard, ShardId,
    Table, Token,
};

/// A token that was right once, and the points of its shard.
struct Old {
    token: Token,
    points: BTreeSet<usize>,
}

fn tokens(table: &Table) -> impl Iterator<Item = (Token, BTreeSet<usize>)> {
    table.shards().map(|shard| (shard.route().token(), touched(&shard.range()).collect()))
}

/// Runs a script, one change at a time, and gives the last table with every token that there was on the way.
fn lived(bytes: &[u8], memory: Memory) -> (Table, Vec<Old>) {
    let (mut table, _) = Table::whole(NodeId(1)).apply(&[Change::set_memory(memory)]).unwrap();
    let mut olds: Vec<Old> = Vec::new();
    let mut script = Script::new(bytes);
    while let Some(changes) = script.transaction(&table) {
        for change in changes {
            for (token, points) in tokens(&table) {
                if olds.iter().all(|old| old.token != token) {
                    olds.push(Old { token, points });
                }
            }
            let Ok((next, _)) = table.apply(&[change]) else { continue };
            table = next;
            table.verify().unwrap();
        }
    }
    (table, olds)
}

/// What became of a shard, in a form that compares: how, and who has its points.
fn told<'t>(fate: Fate<'t>) -> (&'static str, Vec<Shard<'t>>) {
    match fate {
        Fate::Same(shard) => ("same", vec![shard]),
        Fate::Moved(shard) => ("moved", vec![shard]),
        Fate::Split(parts) => ("split", parts.collect()),
        Fate::Merged(shard) => ("merged", vec![shard]),
        Fate::Removed => ("removed", vec![]),
        Fate::Ahead => ("ahead", vec![]),
        _ => ("unknown", vec![]),
    }
}

fn expected_fate<'t>(table: &'t Table, old: &Old) -> (&'static str, Vec<Shard<'t>>) {
    let owners = || old.points.iter().map(|point| table.owner(key(*point)));
    let mut shards: Vec<_> = owners().flatten().collect();
    shards.dedup();
    let how = match table.shard(old.token.shard).map(|shard| shard.epoch()) {
        Some(epoch) if epoch == old.token.epoch => "same",
        Some(epoch) if epoch.range == old.token.epoch.range => "moved",
        _ if shards.is_empty() => "removed",
        _ if shards.len() == 1 && owners().all(|owner| owner.is_some()) => "merged",
        _ => "split",
    };
    (how, shards)
}

fn scripts() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

/// What the rules say, in the order in which they are written down, from scans.
fn expected_denial(table: &Table, node: NodeId, token: Token, point: usize, access: Access) -> &'static str {
    let owner = table.shards().find(|shard| touched(&shard.range()).contains(&point));
    let known = table.shards().find(|shard| shard.id() == token.shard);
    let is_ahead = match known.map(|shard| shard.epoch()) {
        Some(epoch) => (token.epoch.range, token.epoch.members) > (epoch.range, epoch.members),
        None => token.shard.0 >= table.to_image().next_id,
    };
    let is_down =
        |node| table.known_nodes().any(|known| known.id == node && known.status == NodeStatus::Down);
    match owner {
        Some(shard) if (shard.id(), shard.epoch()) == (token.shard, token.epoch) => {
            let serves = match access {
                Access::Write => shard.state().can_write(),
                _ => shard.state().can_read(),
            };
            let is_here =
                shard.leader() == node || access == Access::FollowerRead && shard.replicas().contains(&node);
            match (is_here, is_down(node), serves) {
                (false, ..) => "WrongNode",
                (_, true, _) => "NodeDown",
                (.., false) => "NotServing",
                _ => "admitted",
            }
        }
        _ if is_ahead => "Ahead",
        Some(_) => "Stale",
        None => "NoOwner",
    }
}

fn name(answer: &Result<shardway::Route, Denial<'_>>) -> &'static str {
    match answer {
        Ok(_) => "admitted",
        Err(Denial::NoOwner) => "NoOwner",
        Err(Denial::Stale { .. }) => "Stale",
        Err(Denial::Ahead { .. }) => "Ahead",
        Err(Denial::WrongNode { .. }) => "WrongNode",
        Err(Denial::NotServing { .. }) => "NotServing",
        Err(Denial::NodeDown { .. }) => "NodeDown",
        Err(_) => "something new",
    }
}

const ACCESSES: [Access; 3] = [Access::Read, Access::Write, Access::FollowerRead];

/// Asks with tokens old, new and made up, everywhere, and says which answers came.
fn ask_everywhere(table: &Table, olds: &[Old]) -> BTreeSet<&'static str> {
    let now = tokens(table).map(|(token, _)| token);
    let made_up = [(1, 1, 1), (1, 900, 1), (900, 1, 1), (2, 2, 0)]
        .map(|(id, range, members)| Token { shard: ShardId(id), epoch: Epoch { range, members } });
    let mut seen = BTreeSet::new();
    for token in now.chain(olds.iter().map(|old| old.token)).chain(made_up) {
        for (point, access) in (0..POINTS).step_by(9).zip(ACCESSES.into_iter().cycle()) {
            let node = table.owner(key(point)).map_or(NodeId(0), |shard| shard.leader());
            for node in [node, NodeId(point as u64 % 5)] {
                let answer = table.admit(node, token, key(point), access);
                assert_eq!(name(&answer), expected_denial(table, node, token, point, access), "{token}");
                seen.insert(name(&answer));
                if let Err(Denial::Stale { current }) = answer {
                    assert!(current.eq(table.owner(key(point))));
                }
            }
            let asked = dense::range(point, (point + 20).min(POINTS));
            let answer = table.admit_range(NodeId(1), token, &asked, access);
            let owners: Vec<_> = table.shards().filter(|shard| shard.range().overlaps(&asked)).collect();
            let is_its = matches!(owners[..], [one] if one.range().contains_range(&asked)
                && one.route().token() == token);
            match answer {
                Err(Denial::Stale { current }) => {
                    assert!(!is_its && current.eq(owners), "the cure covers all that was asked for")
                }
                Err(Denial::NoOwner) => assert!(owners.is_empty()),
                Err(Denial::Ahead { .. }) => assert!(!is_its),
                other => {
                    assert!(is_its);
                    assert_eq!(name(&other), expected_denial(table, NodeId(1), token, point, access));
                }
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 128 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fate_of_a_token_is_that_of_its_points(bytes in scripts()) {
        let (table, olds) = lived(&bytes, Memory { passings: u64::MAX, revisions: u64::MAX });
        for old in &olds {
            prop_assert_eq!(told(table.fate(old.token)), expected_fate(&table, old), "{}", old.token);
        }
        let restored = Table::from_image(table.to_image()).unwrap();
        prop_assert_eq!(&restored, &table);
        for old in &olds {
            prop_assert_eq!(told(restored.fate(old.token)), told(table.fate(old.token)));
        }
    }

    #[test]
    fn what_is_forgotten_is_said_to_be_unknown(bytes in scripts(), passings in 0..20u64, revisions in 0..40u64) {
        let (table, olds) = lived(&bytes, Memory { passings, revisions });
        prop_assert!(table.passings().count() as u64 <= passings);
        for old in &olds {
            let fate = told(table.fate(old.token));
            prop_assert!(fate.0 == "unknown" || fate == expected_fate(&table, old), "{}: {:?}", old.token, fate);
        }
        prop_assert_eq!(Table::from_image(table.to_image()).unwrap(), table);
    }

    #[test]
    fn admission_follows_the_rules(bytes in scripts(), down in 0..5u64) {
        let (table, olds) = lived(&bytes, Memory::default());
        let node = Node { status: NodeStatus::Down, ..Node::new(NodeId(down), "") };
        let (table, _) = table.apply(&[Change::put_node(node)]).unwrap();
        ask_everywhere(&table, &olds);
    }
}

/// So that no rule above goes untried.
#[test]
fn every_answer_comes_up() {
    let down = Change::put_node(Node { status: NodeStatus::Down, ..Node::new(NodeId(4), "") });
    let table = Table::whole(NodeId(1));
    let olds = [Old { token: table.resolve("").unwrap().token(), points: BTreeSet::new() }];
    let (table, _) = table
        .apply(&[
            Change::split(ShardId(1), key(30)),
            Change::split(ShardId(3), key(60)),
            Change::transfer(ShardId(5), NodeId(4)),
            Change::begin_split(ShardId(2), key(9), shardway::Naming::Fresh),
            Change::add_replica(ShardId(4), NodeId(3)),
            down,
        ])
        .unwrap();
    let mut seen = ask_everywhere(&table, &olds);
    let (table, _) = table.apply(&[Change::remove(ShardId(4))]).unwrap();
    seen.extend(ask_everywhere(&table, &olds));
    let all = ["Ahead", "NoOwner", "NodeDown", "NotServing", "Stale", "WrongNode", "admitted"];
    assert!(seen.into_iter().eq(all));
}

#[test]
fn a_node_that_goes_down_is_seen_by_the_next_look_up() {
    let router = Router::whole(NodeId(1));
    let mut reader = router.reader();
    router.apply(Change::put_node(Node::new(NodeId(1), "here"))).unwrap();
    assert!(reader.resolve_for("k", Access::Write).is_ok());
    router.apply(Change::set_status(NodeId(1), NodeStatus::Down)).unwrap();
    let route = reader.resolve("k").unwrap();
    assert_eq!(reader.resolve_for("k", Access::Write), Err(Refusal::LeaderDown { route }));
    assert_eq!(reader.resolve_for("k", Access::FollowerRead), Ok(route), "a replica may serve that");
    assert!(matches!(
        reader.admit(NodeId(1), route.token(), "k", Access::Read),
        Err(Denial::NodeDown { node: NodeId(1), .. })
    ));
    // Another node with the same bit.
    router.apply(Change::transfer(route.shard, NodeId(65))).unwrap();
    assert!(reader.resolve_for("k", Access::Write).is_ok());
}
