//! Changes a table, tells what each change comes to, and answers who has missed something.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;

use shardway::{Change, Naming, Node, NodeId, Router, Snapshot};

use super::channel::{End, News, Request};
use super::key;

const ROUNDS: u64 = 3_000;
/// How many versions it remembers: they share what they have in common, so this costs what changed.
const REMEMBERED: usize = 64;

/// Which rounds the channel loses: one by itself, and more than are remembered.
fn is_lost(round: u64) -> bool {
    round == 1_000 || (2_000..2_200).contains(&round)
}

#[derive(Default)]
pub(crate) struct Sent {
    deltas: usize,
    bytes: usize,
    largest: usize,
    pub(crate) lost: usize,
    pub(crate) coalesced: usize,
    coalesced_bytes: usize,
    pub(crate) wholes: usize,
    whole_bytes: usize,
}

pub(crate) fn run(router: &Router, end: &End) -> Result<Sent, Box<dyn Error + Send + Sync>> {
    let mut sent = Sent::default();
    let mut past = VecDeque::from([router.snapshot()]);
    for round in 0..ROUNDS {
        router.transact_with(|table| Ok::<_, shardway::Error>(plan(table, round)))?;
        let (old, new) = (&past[past.len() - 1], router.snapshot());
        if is_lost(round) {
            sent.lost += 1;
        } else {
            let size = end.send(&News::Delta(old.delta(&new)))?;
            sent.deltas += 1;
            sent.bytes += size;
            sent.largest = sent.largest.max(size);
        }
        past.push_back(new);
        past.drain(..past.len().saturating_sub(REMEMBERED));
        // Whoever was away asks on the next delta that comes; so that this is told in one order, wait for it here.
        let is_back = round > 0 && is_lost(round - 1) && !is_lost(round);
        let request = if is_back { Some(end.receive()?) } else { end.poll()? };
        if let Some(request) = request {
            answer(&past, &request, end, &mut sent)?;
        }
    }
    let last = &past[past.len() - 1];
    end.send(&News::End { revision: last.revision(), digest: last.digest() })?;
    while !answer(&past, &end.receive()?, end, &mut sent)? {}
    Ok(sent)
}

/// Whether the follower has all.
fn answer(
    past: &VecDeque<Snapshot>,
    request: &Request,
    end: &End,
    sent: &mut Sent,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let Request::Since { revision, digest } = *request else { return Ok(true) };
    let last = &past[past.len() - 1];
    match past.iter().find(|old| (old.revision(), old.digest()) == (revision, digest)) {
        Some(old) => {
            sent.coalesced_bytes += end.send(&News::Delta(old.delta(last)))?;
            sent.coalesced += 1;
        }
        None => {
            sent.whole_bytes += end.send(&News::Whole(last.to_image()))?;
            sent.wholes += 1;
        }
    }
    Ok(false)
}

/// A little of everything, all over the table.
fn plan(table: &shardway::Table, round: u64) -> Vec<Change> {
    let at = key(round.wrapping_mul(7_919_777) % (1_000 * super::SHARDS));
    let Some(shard) = table.owner(&at) else { return Vec::new() };
    let id = shard.id();
    match round % 8 {
        0..3 if shard.start() < at.as_bytes() => vec![Change::split_naming(id, at, Naming::KeepLower)],
        3 => vec![Change::put_node(Node::new(NodeId(round % 7), format!("10.0.0.{}:7000", round % 200)))],
        4 => match table.next(id).filter(|next| next.leader() == shard.leader()) {
            Some(next) => vec![Change::merge(id, next.id())],
            None => vec![Change::add_replica(id, NodeId(100 + round))],
        },
        _ => vec![Change::transfer(id, NodeId(1_000 + round))],
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.bytes / self.deltas.max(1);
        write!(
            f,
            "{} deltas of {mean} bytes, {} at most; {} were lost on the way; ",
            self.deltas, self.largest, self.lost
        )?;
        write!(f, "{} over several changes, {} bytes; ", self.coalesced, self.coalesced_bytes)?;
        write!(f, "{} whole, {} bytes", self.wholes, self.whole_bytes)
    }
}
