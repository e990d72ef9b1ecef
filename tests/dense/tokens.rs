//! Tokens: what is admitted, what is denied with which cure, and what became of old ones, by plain models that follow every
//! point of the keyspace through every change.

use std::collections::BTreeSet;

use shardway::{
    Access, Action, Change, Denial, Epoch, Fate, Memory, NodeId, NodeStatus, Shard, ShardId, Table, Token,
};

use super::script::Script;
use super::{POINTS, key, range, touched};

/// A token that was right once, and the points of its shard.
pub(crate) struct Old {
    pub(crate) token: Token,
    pub(crate) points: BTreeSet<usize>,
}

pub(crate) fn tokens(table: &Table) -> impl Iterator<Item = (Token, BTreeSet<usize>)> {
    table.shards().map(|shard| (shard.route().token(), touched(&shard.range()).collect()))
}

/// Runs a script, one change at a time, and gives the last table with every token that there was on the way.
pub(crate) fn lived(bytes: &[u8], memory: Memory) -> (Table, Vec<Old>) {
    let (mut table, _) = Table::whole(NodeId(1)).apply(&[Change::set_memory(memory)]).unwrap();
    let mut olds: Vec<Old> = Vec::new();
    let mut script = Script::new(bytes);
    while let Some(changes) = script.transaction(&table) {
        // The memory stays what the caller wants it to be.
        for change in changes.into_iter().filter(|change| !matches!(change.action, Action::SetMemory(_))) {
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
pub(crate) fn told<'t>(fate: Fate<'t>) -> (&'static str, Vec<Shard<'t>>) {
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

pub(crate) fn expected_fate<'t>(table: &'t Table, old: &Old) -> (&'static str, Vec<Shard<'t>>) {
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
                Access::Write | Access::FollowerWrite => shard.state().can_write(),
                _ => shard.state().can_read(),
            };
            let is_here = match access {
                Access::FollowerRead => table.read_set(shard).any(|holder| holder == node),
                Access::FollowerWrite => table.write_set(shard).any(|holder| holder == node),
                _ => shard.leader() == node,
            };
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

const ACCESSES: [Access; 4] = [Access::Read, Access::Write, Access::FollowerRead, Access::FollowerWrite];

/// Asks with tokens old, new and made up, everywhere, and says which answers came.
pub(crate) fn ask_everywhere(table: &Table, olds: &[Old]) -> BTreeSet<&'static str> {
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
            let asked = range(point, (point + 20).min(POINTS));
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
