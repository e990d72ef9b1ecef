//! A follower that replays deltas into an identical table: a primary changes its router and sends what each change comes to, as
//! bytes over a channel that loses some. The follower sees that one is missing, asks for what it lacks, and is served one delta
//! over all of it; when it has been away for longer than the primary remembers, a whole table.
//!
//! `cargo run --release --features serde --example follower`. Exit code 1 if the tables are not identical in the end, or
//! nothing was lost and made good on the way.

mod channel;
mod follower;
mod primary;

use std::process::ExitCode;
use std::thread;

use shardway::{Error, KeyEnd, KeyRange, NodeId, Router, ShardId, ShardRecord, Table};

/// How many shards there are at first.
const SHARDS: u64 = 10_000;

fn key(number: u64) -> String {
    format!("user/{number:08}")
}

/// Shards side by side, a thousand keys each.
fn grown() -> Result<Table, Error> {
    let records = (0..SHARDS).map(|number| {
        let end = if number + 1 == SHARDS {
            KeyEnd::Unbounded
        } else {
            KeyEnd::At(key(1_000 * (number + 1)).into())
        };
        let range = KeyRange::new(key(1_000 * number).into(), end)?;
        Ok(ShardRecord::new(ShardId(number + 1), range, NodeId(number % 7)))
    });
    Table::from_records(records.collect::<Result<Vec<_>, Error>>()?)
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let table = grown()?;
    let written = postcard::to_allocvec(&table)?;
    println!("a table of {} shards, {} bytes as a whole", table.len(), written.len());
    // Both start from the same file, say.
    let copy = Router::new(postcard::from_bytes(&written)?);
    let router = Router::new(table);

    let (here, there) = channel::pair();
    let (sent, took) = thread::scope(|scope| {
        let copy = &copy;
        let follower = scope.spawn(move || follower::run(copy, &there));
        let sent = primary::run(&router, &here);
        drop(here);
        (sent, follower.join().expect("the follower does not panic"))
    });
    let (sent, took) = (sent?, took?);
    println!("sent: {sent}");
    println!("took: {took}");

    let (ours, theirs) = (router.snapshot(), copy.snapshot());
    theirs.verify()?;
    let identical = ours.to_image() == theirs.to_image() && ours.digest() == theirs.digest();
    let is_tried =
        sent.lost > 0 && sent.coalesced > 0 && sent.wholes > 0 && took.missed >= sent.coalesced + sent.wholes;
    let (at, digest) = (theirs.revision(), theirs.digest());
    println!("revision {at}, {} shards, digest {digest:#018x}: identical: {identical}", theirs.len());
    Ok(if identical && is_tried { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
