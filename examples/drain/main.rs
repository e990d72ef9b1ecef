//! A node that drains: it is marked, its copies are relocated one after the other, in phases, while others write and read all
//! the while, and in the end it is forgotten. No write is refused, and no read misses one that was acknowledged.
//!
//! `cargo run --release --example drain`. Exit code 1 if a write was lost or refused, or something stayed on the node.

#![allow(clippy::disallowed_types, reason = "what stands for the cluster has locks")]

mod copies;
mod traffic;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use shardway::{
    Change, Error, KeyEnd, KeyRange, Node, NodeId, NodeStatus, Phase, Router, ShardId, ShardRecord, Table,
};

use copies::Copies;

const NODES: u64 = 6;
const SHARDS: u64 = 60;
const COPIES: usize = 3;
const KEYS: u64 = 6_000;
const DRAINED: NodeId = NodeId(2);

fn key(number: u64) -> String {
    format!("user/{number:06}")
}

/// Of a node, or of a client.
fn zone(number: u64) -> &'static str {
    ["a", "b", "c"][usize::try_from(number % 3).expect("less than three")]
}

fn cluster() -> Result<Table, Error> {
    let per_shard = KEYS / SHARDS;
    let records = (0..SHARDS).map(|number| {
        let end = match number + 1 {
            SHARDS => KeyEnd::Unbounded,
            next => KeyEnd::At(key(next * per_shard).into()),
        };
        let range = KeyRange::new(key(number * per_shard).into(), end)?;
        let mut record = ShardRecord::new(ShardId(number + 1), range, NodeId(number % NODES));
        record.replicas = vec![NodeId((number + 1) % NODES), NodeId((number + 2) % NODES)];
        record.replicas.sort_unstable();
        Ok(record)
    });
    let table = Table::from_records(records.collect::<Result<Vec<_>, Error>>()?)?;
    let nodes = (0..NODES).map(|node| {
        Change::put_node(Node::new(NodeId(node), format!("node-{node}:7000")).with_label("zone", zone(node)))
    });
    Ok(table.apply(&nodes.collect::<Vec<_>>())?.0)
}

fn main() -> Result<ExitCode, Error> {
    let router = Router::new(cluster()?);
    let copies = Copies::new(NODES);
    let over = AtomicBool::new(false);
    tell(&router, "before");

    let (moved, traffic) = thread::scope(|scope| {
        let traffic = scope.spawn(|| traffic::run(&router, &copies, &over));
        let moved = drain(&router, &copies);
        // Relaxed: it orders nothing; the thread is joined.
        over.store(true, Ordering::Relaxed);
        (moved, traffic.join().expect("traffic does not panic"))
    });
    let moved = moved?;
    tell(&router, "after");
    println!("{moved} copies moved; {traffic}");

    let is_empty = router.snapshot().on_node(DRAINED).next().is_none()
        && router.snapshot().losses(DRAINED, COPIES).next().is_none();
    router.transact([Change::set_status(DRAINED, NodeStatus::Down), Change::forget_node(DRAINED)])?;
    router.snapshot().verify()?;
    let is_sound = traffic.is_sound() && is_empty && moved > 0;
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(router: &Router, when: &str) {
    let table = router.snapshot();
    let (led, held) = (table.led_by(DRAINED).count(), table.on_node(DRAINED).count());
    let leaderless = table.losses(DRAINED, COPIES).filter(|loss| loss.leaderless).count();
    let few = table.losses(DRAINED, COPIES).filter(|loss| loss.copies < COPIES).count();
    println!(
        "{when}: {DRAINED} is {}, holds {held} shards and leads {led}; its loss would leave {leaderless} without leader and \
         {few} with less than {COPIES} copies",
        table.status(DRAINED),
    );
}

/// Every copy on the node goes to one that holds none of the shard: if there is a choice, in the same zone, and to the one with
/// the fewest.
fn drain(router: &Router, copies: &Copies) -> Result<usize, Error> {
    router.apply(Change::set_status(DRAINED, NodeStatus::Draining))?;
    let mut moved = 0;
    loop {
        let table = router.snapshot();
        let Some(shard) = table.on_node(DRAINED).next() else { return Ok(moved) };
        let home = zone(DRAINED.0);
        let fits = |node: &&Node| {
            node.status == NodeStatus::Up && !table.read_set(shard).any(|holder| holder == node.id)
        };
        let load = |node: &&Node| (zone(node.id.0) != home, table.on_node(node.id).count());
        let Some(to) = table.known_nodes().filter(fits).min_by_key(load).map(|node| node.id) else {
            return Ok(moved);
        };
        relocate(router, copies, shard.id(), to)?;
        moved += 1;
    }
}

/// Each step is published, and then it waits until all know it: what began before has ended.
fn relocate(router: &Router, copies: &Copies, shard: ShardId, to: NodeId) -> Result<(), Error> {
    let publish = |change| {
        router.apply(change)?;
        copies.wait_for_all();
        Ok::<_, Error>(())
    };
    publish(Change::begin_relocation(shard, DRAINED, to))?;
    // All writes reach the new copy by now, so what is copied and what is written is everything.
    let range = router.snapshot().shard(shard).map(|shard| shard.range().to_key_range());
    let range = range.ok_or(Error::NoSuchShard { shard })?;
    copies.copy(DRAINED, to, &range);
    publish(Change::step_relocation(shard, Phase::WriteBothReadNew))?;
    publish(Change::step_relocation(shard, Phase::UseNew))?;
    // Nobody reads or writes the old copy any more.
    copies.drop_range(DRAINED, &range);
    publish(Change::commit_relocation(shard))
}
