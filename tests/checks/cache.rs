//! A client's cache: told anything, it knows what a list of routes knows by the same rules; told the truth of any time, in any
//! order, it never goes back, and each denial cures it.

use std::num::NonZeroUsize;
use std::time::Duration;

use shardway::{
    Access, Denial, Epoch, Error, Learned, LoadError, NodeId, RouteCache, ShardId, Table, Timestamp, Token,
};

use crate::dense::known::{Knowledge, Known, Lesson};
use crate::dense::script::Script;
use crate::dense::{POINTS, key};

fn name(error: &Error) -> &'static str {
    match error {
        Error::NotNewer { .. } => "NotNewer",
        Error::DuplicateReplica { .. } => "DuplicateReplica",
        Error::LeaderAsReplica { .. } => "LeaderAsReplica",
        other => panic!("nothing to expect: {other}"),
    }
}

fn told(script: &mut Script<'_>) -> Known {
    let lower = script.below(POINTS);
    let upper = (lower + 1 + script.below(12)).min(POINTS);
    let epoch = Epoch { range: 1 + script.draw() % 6, members: 1 + script.draw() % 3 };
    let replicas = (0..script.below(3)).map(|_| NodeId(script.draw() % 6)).collect();
    let (id, leader) = (ShardId(1 + script.draw() % 24), NodeId(script.draw() % 6));
    Known { id, lower, upper, epoch, leader, replicas, learned: Timestamp(0) }
}

fn token(script: &mut Script<'_>, known: &Knowledge) -> Token {
    match script.below(4) {
        0 => told(script).token(),
        _ => known
            .routes
            .get(script.below(known.routes.len().max(1)))
            .map_or(Token { shard: ShardId(1), epoch: Epoch::FIRST }, Known::token),
    }
}

/// Anything at all, against a list.
fn wild(script: &mut Script<'_>) {
    let most = NonZeroUsize::new(script.below(16));
    let cache = most.map_or_else(RouteCache::new, RouteCache::bounded);
    let mut known = Knowledge::default();
    let mut now = 100;
    while !script.is_over() {
        // A clock that also stands still and goes back.
        now = (now + script.draw() % 5).saturating_sub(1);
        let at = Timestamp(now);
        match script.below(16) {
            0 => {
                let token = token(script, &known);
                assert_eq!(usize::from(cache.forget(token)), known.forget(|known| known.token() == token));
            }
            1 => {
                let node = NodeId(script.draw() % 6);
                assert_eq!(cache.forget_node(node), known.forget(|known| known.leader == node));
            }
            2 => {
                let age = script.draw() % 32;
                let is_old = |known: &Known| known.learned.0 + age < now;
                assert_eq!(cache.forget_older(Duration::from_millis(age), at), known.forget(is_old));
            }
            3 if script.below(4) == 0 => assert_eq!(cache.clear(), known.forget(|_| true)),
            kind => {
                let denied = (kind < 8).then(|| token(script, &known));
                let all: Vec<_> = (0..1 + script.below(3)).map(|_| told(script)).collect();
                let records = all.iter().map(Known::to_record);
                let Learned { new, known: again, replaced, refused, .. } = match denied {
                    Some(token) => cache.cure(token, records, at),
                    None => cache.learn(records, at),
                };
                if let Some(token) = denied {
                    known.forget(|known| known.token() == token);
                }
                let lessons: Vec<_> = all.iter().map(|told| known.learn(told.clone(), at)).collect();
                known.forget_oldest(most.map_or(usize::MAX, NonZeroUsize::get));
                let ids = |test: fn(&Lesson) -> bool| {
                    let all = all.iter().zip(&lessons).filter(move |(_, lesson)| test(lesson));
                    all.map(|(told, _)| told.id).collect::<Vec<_>>()
                };
                assert_eq!(new, ids(|lesson| matches!(lesson, Lesson::New { .. })));
                assert_eq!(again, ids(|lesson| *lesson == Lesson::Known));
                let sum = lessons.iter().map(|lesson| match lesson {
                    Lesson::New { replaced } => *replaced,
                    _ => 0,
                });
                assert_eq!(replaced, sum.sum::<usize>());
                let expected = lessons.iter().enumerate().filter_map(|(place, lesson)| match lesson {
                    Lesson::Refused(name) => Some((place, *name)),
                    _ => None,
                });
                assert!(
                    refused.iter().map(|(place, error)| (*place, name(error))).eq(expected),
                    "{refused:?}"
                );
            }
        }
        known.assert_same(&cache);
    }
}

/// The range counters of what is known, by point.
fn counters(cache: &RouteCache) -> Vec<u64> {
    (0..POINTS).map(|point| cache.resolve(key(point)).map_or(0, |route| route.epoch.range)).collect()
}

/// The truth, of any time and in any order.
fn honest(script: &mut Script<'_>) {
    let cache = RouteCache::new();
    let mut versions = vec![Table::whole(NodeId(1))];
    for now in (0..80).map(Timestamp) {
        let newest = versions.last().unwrap();
        let Some(changes) = script.transaction(newest) else { break };
        if let Ok((next, summary)) = newest.apply(&changes) {
            versions.extend(summary.altered().then_some(next));
        }
        let before = counters(&cache);
        let heard = &versions[script.below(versions.len())];
        let (from, most) = (key(script.below(POINTS)), 1 + script.below(8));
        cache.learn(heard.range(from..).take(most).map(|shard| shard.to_record()), now);
        // Gone it may be, if a newer one owns other keys of it.
        assert!(before.iter().zip(counters(&cache)).all(|(before, now)| now == 0 || now >= *before));
    }
    let newest = versions.last().unwrap();
    for point in 0..POINTS {
        ask(&cache, newest, point);
    }
    cache.snapshot().verify().unwrap();
}

/// Asks for a point until it is served, or there is nobody to serve it.
fn ask(cache: &RouteCache, table: &Table, point: usize) {
    let now = Timestamp(1_000);
    // As many as there are shards in the way whose successors count less: those were removed, and registered anew.
    for _ in 0..POINTS {
        let load =
            |_| Ok::<_, Error>(table.owner(key(point)).map(|shard| shard.to_record()).into_iter().collect());
        let route = match cache.resolve_or_load(key(point), now, load) {
            Ok(route) => route,
            Err(LoadError::NoOwner) => {
                assert_eq!(table.owner(key(point)), None);
                return;
            }
            Err(LoadError::Refused(Error::NotNewer { epoch, known, known_epoch, .. })) => {
                assert!(known_epoch.range >= epoch.range);
                assert!(cache.forget(Token { shard: known, epoch: known_epoch }));
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        match table.admit(route.leader, route.token(), key(point), Access::Read) {
            Err(Denial::Stale { current }) => {
                cache.cure(route.token(), current.map(|shard| shard.to_record()), now);
                assert_ne!(cache.resolve(key(point)), Ok(route));
            }
            Err(Denial::NoOwner) => drop(cache.cure(route.token(), [], now)),
            Err(Denial::Ahead { .. }) => panic!("it was told the truth"),
            // The node and what it does are as the table says.
            _ => {
                assert_eq!(table.resolve(key(point)).unwrap().token(), route.token());
                return;
            }
        }
    }
    panic!("point {point} is never served");
}

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let mut script = Script::new(&bytes[..bytes.len().min(600)]);
    if kind % 3 == 0 { honest(&mut script) } else { wild(&mut script) }
}
