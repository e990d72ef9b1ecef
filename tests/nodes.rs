//! What a table knows of nodes, what the loss of one would do, and which copy to ask, held against plain scans.

use std::collections::BTreeSet;

use shardway::{
    Change, Error, KeyRange, Loss, Node, NodeId, NodeStatus, Outcome, Preference, ShardId, ShardRecord, Table,
};

/// Shards over single letters, with a leader and replicas each.
fn table(copies: &[&[u64]]) -> Table {
    let records = copies.iter().zip(b'a'..).zip(1..).map(|((nodes, letter), id)| {
        let range = KeyRange::try_from([letter]..[letter + 1]).unwrap();
        let mut record = ShardRecord::new(ShardId(id), range, NodeId(nodes[0]));
        record.replicas = nodes[1..].iter().map(|node| NodeId(*node)).collect();
        record
    });
    Table::from_records(records).unwrap()
}

fn with(table: &Table, changes: impl IntoIterator<Item = Change>) -> Table {
    let (table, _) = table.apply(&changes.into_iter().collect::<Vec<_>>()).unwrap();
    table.verify().unwrap();
    table
}

fn ask(table: &Table, preference: Preference<'_>) -> Option<u64> {
    table.copy_for(table.owner("a").unwrap(), preference).map(|node| node.0)
}

fn refusal(table: &Table, change: Change) -> Error {
    table.apply(&[change]).map(drop).unwrap_err().into_cause()
}

#[test]
fn nodes_come_change_and_go() {
    let one = Node::new(NodeId(1), "one:7000").with_label("zone", "a");
    let table = table(&[&[1, 2], &[2, 3]]);
    assert_eq!((table.node(NodeId(1)), table.status(NodeId(1))), (None, NodeStatus::Up));
    let known = with(&table, [Change::put_node(one.clone()), Change::put_node(Node::new(NodeId(9), "nine"))]);
    assert_eq!(known.node(NodeId(1)), Some(&one));
    assert!(known.known_nodes().map(|node| node.id.0).eq([1, 9]));
    assert_eq!(Table::from_image(known.to_image()).unwrap(), known);

    let (same, summary) = known.apply(&[Change::put_node(one)]).unwrap();
    assert_eq!((same.revision(), &summary.outcomes[..]), (known.revision(), &[Outcome::Unchanged][..]));
    let drained = with(&known, [Change::set_status(NodeId(1), NodeStatus::Draining)]);
    assert_eq!(drained.status(NodeId(1)), NodeStatus::Draining);
    assert_eq!(drained.node(NodeId(1)).unwrap().labels["zone"], "a");
    assert_ne!(drained, known, "a table is what it says of nodes too");

    assert_eq!(
        refusal(&known, Change::set_status(NodeId(7), NodeStatus::Down)),
        Error::NoSuchNode { node: NodeId(7) }
    );
    assert_eq!(refusal(&known, Change::forget_node(NodeId(7))), Error::NoSuchNode { node: NodeId(7) });
    let in_use = Error::NodeInUse { node: NodeId(1), shard: ShardId(1) };
    assert_eq!(refusal(&known, Change::forget_node(NodeId(1))), in_use);
    assert!(with(&known, [Change::forget_node(NodeId(9))]).node(NodeId(9)).is_none());

    let mut image = known.to_image();
    image.nodes.push(image.nodes[0].clone());
    assert!(matches!(Table::from_image(image), Err(Error::Broken { .. })));
}

#[test]
fn losses_are_those_of_a_scan() {
    let mut rounds = 0;
    for down in [None, Some(2), Some(66)] {
        let table = table(&[&[1, 2, 3], &[2], &[3, 1], &[66, 2, 1], &[2, 3], &[4]]);
        let node = down.map(|id| Node { status: NodeStatus::Down, ..Node::new(NodeId(id), "") });
        let table = with(&table, node.map(Change::put_node));
        for (lost, least) in (0..5).chain([66]).flat_map(|lost| (0..4).map(move |least| (lost, least))) {
            let expected: Vec<_> = table
                .shards()
                .filter_map(|shard| {
                    let mut copies: BTreeSet<u64> = shard.replicas().iter().map(|node| node.0).collect();
                    copies.insert(shard.leader().0);
                    let had = copies.remove(&lost);
                    copies.retain(|copy| Some(*copy) != down);
                    let leaderless = shard.leader().0 == lost;
                    let loss = Loss { shard, leaderless, copies: copies.len() };
                    (had && (leaderless || loss.copies < least)).then_some(loss)
                })
                .collect();
            rounds += expected.len();
            assert!(table.losses(NodeId(lost), least).eq(expected), "{lost} lost, {down:?} down, {least}");
        }
    }
    assert!(rounds > 50);
}

#[test]
fn the_copy_that_is_asked_is_up_and_as_near_as_any() {
    let zones = |id: u64, zone: &str, rack: &str| {
        Change::put_node(Node::new(NodeId(id), "").with_label("zone", zone).with_label("rack", rack))
    };
    let table = with(
        &table(&[&[1, 2, 3, 4]]),
        [zones(1, "a", "x"), zones(2, "b", "x"), zones(3, "b", "y"), zones(4, "c", "z")],
    );
    let near = |zone, rack| [("zone", zone), ("rack", rack)];
    assert_eq!(ask(&table, Preference::Leader), Some(1));
    assert_eq!(ask(&table, Preference::Nearest(&near("b", "y"))), Some(3));
    assert_eq!(ask(&table, Preference::Nearest(&near("b", "q"))), Some(2), "the first of those in the zone");
    assert_eq!(ask(&table, Preference::Nearest(&near("c", "x"))), Some(4), "zone counts before rack");
    assert_eq!(ask(&table, Preference::Nearest(&near("q", "q"))), Some(1), "the leader, if none is near");
    let any: Vec<_> = (0..8).map(|number| ask(&table, Preference::Any(number)).unwrap()).collect();
    assert_eq!(any, [1, 2, 3, 4, 1, 2, 3, 4]);

    let table = with(
        &table,
        [
            Change::set_status(NodeId(1), NodeStatus::Down),
            Change::set_status(NodeId(3), NodeStatus::Draining),
        ],
    );
    assert_eq!(ask(&table, Preference::Leader), None);
    assert_eq!(ask(&table, Preference::Nearest(&near("b", "y"))), Some(2), "one that drains comes last");
    let any: Vec<_> = (0..4).map(|number| ask(&table, Preference::Any(number)).unwrap()).collect();
    assert_eq!(any, [2, 4, 2, 4]);
    let by_id = |table: &Table| table.best_copy(table.owner("a").unwrap(), |node, _| node).map(|node| node.0);
    assert_eq!(by_id(&table), Some(4));

    let down = [2, 4].map(|node| Change::set_status(NodeId(node), NodeStatus::Down));
    let table = with(&table, down);
    assert_eq!((ask(&table, Preference::Any(5)), by_id(&table)), (Some(3), Some(3)), "nobody else is left");
    let table = with(&table, [Change::set_status(NodeId(3), NodeStatus::Down)]);
    assert_eq!((ask(&table, Preference::Any(5)), by_id(&table)), (None, None));
}
