//! Draws a table: nodes with shards of different sizes and loads, one that drains, one that is down, and a gap.
//!
//! `cargo run --example picture -- FILE`; without a file, prints the table as text and the picture after it.

use shardway::{
    Change, Error, Estimates, KeyEnd, KeyRange, Measure, Node, NodeId, NodeStatus, ShardId, ShardRecord,
    Table,
};

const SHARDS: u64 = 48;
const NODES: u64 = 6;

fn key(number: u64) -> String {
    format!("user/{number:03}")
}

fn table() -> Result<Table, Error> {
    let records = (0..SHARDS).filter(|number| *number != 31).map(|number| {
        let end = match number + 1 {
            SHARDS => KeyEnd::Unbounded,
            next => KeyEnd::At(key(next).into()),
        };
        let start = if number == 0 { String::new() } else { key(number) };
        let mut record = ShardRecord::new(
            ShardId(number + 1),
            KeyRange::new(start.into(), end)?,
            NodeId(1 + number * 5 % NODES),
        );
        record.replicas = vec![NodeId(1 + (number * 5 + 1) % NODES), NodeId(1 + (number * 5 + 2) % NODES)];
        record.replicas.sort_unstable();
        let keys = 1_000 + number * number * 37 % 4_001;
        record.estimates = Estimates { keys, bytes: keys * 100 };
        Ok(record)
    });
    let table = Table::from_records(records.collect::<Result<Vec<_>, Error>>()?)?;
    let nodes =
        (1..=NODES).map(|node| Change::put_node(Node::new(NodeId(node), format!("10.0.0.{node}:7000"))));
    let statuses = [
        Change::set_status(NodeId(3), NodeStatus::Draining),
        Change::set_status(NodeId(5), NodeStatus::Down),
    ];
    Ok(table.apply(&nodes.chain(statuses).collect::<Vec<_>>())?.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = table()?;
    // Two hot spots. A caller who counts requests has better.
    let load = |shard: shardway::Shard<'_>| {
        let heat = |middle: u64| 1.0 / (1.0 + shard.id().0.abs_diff(middle) as f64 / 2.0);
        heat(12).max(heat(38) * 0.8)
    };
    let picture = table.picture(Measure::Bytes, load).to_string();
    match std::env::args().nth(1) {
        Some(file) => std::fs::write(file, picture)?,
        None => println!("{}\n{picture}", table.listing(10)),
    }
    Ok(())
}
