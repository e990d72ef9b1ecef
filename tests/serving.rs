//! Requests with tokens: what is admitted, what is denied with which cure, and what became of old tokens, held against
//! plain models that follow every point of the keyspace through every change.

#[allow(dead_code, reason = "the model answers more than is asked of it here")]
mod dense;

use std::collections::BTreeSet;

use dense::key;
use dense::tokens::{Old, ask_everywhere, expected_fate, lived, told};
use proptest::prelude::*;
use shardway::{Access, Change, Denial, Memory, Node, NodeId, NodeStatus, Refusal, Router, ShardId, Table};

fn scripts() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
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
