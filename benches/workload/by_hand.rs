//! What one writes around a `BTreeMap` of routes by hand, in the plainest way, for the questions that a table answers besides
//! look-ups. The map covers the keyspace, so nothing here sees to gaps.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::ops::Bound;

use shardway::{NodeId, Route, ShardState, Token};

use super::maps::{Map, Tree};

/// The route, if the sender knows the shard as it is, this is its leader, and it serves reads.
#[inline]
pub(crate) fn admit(tree: &Tree, node: NodeId, token: Token, key: &[u8]) -> Option<Route> {
    let route = tree.floor(key)?;
    let is_current = (route.shard, route.epoch) == (token.shard, token.epoch);
    (is_current && route.leader == node && route.state != ShardState::Offline).then_some(route)
}

/// The places of keys by what their routes have in common.
pub(crate) fn group<I: Hash + Eq>(
    tree: &Tree,
    keys: &[&[u8]],
    of: impl Fn(Route) -> I,
) -> HashMap<I, Vec<usize>> {
    let mut groups = HashMap::<_, Vec<_>>::new();
    for (place, key) in keys.iter().enumerate() {
        if let Some(route) = tree.floor(key) {
            groups.entry(of(route)).or_default().push(place);
        }
    }
    groups
}

/// The shards from the one that owns `key` on.
pub(crate) fn walk<'t>(tree: &'t Tree, key: &[u8]) -> impl Iterator<Item = Route> + use<'t> {
    let upto = (Bound::Unbounded, Bound::Included(key));
    let first = tree.range::<[u8], _>(upto).next_back().map(|(_, route)| *route);
    let above = (Bound::Excluded(key), Bound::Unbounded);
    first.into_iter().chain(tree.range::<[u8], _>(above).map(|(_, route)| *route))
}

/// How many shards two maps do not have in common: both are walked through side by side.
pub(crate) fn differences<K: Ord, V: PartialEq>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> usize {
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    let mut count = 0;
    while let (Some(before), Some(after)) = (olds.peek(), news.peek()) {
        let order = before.0.cmp(after.0);
        count += usize::from(order != Ordering::Equal || before.1 != after.1);
        if order != Ordering::Greater {
            olds.next();
        }
        if order != Ordering::Less {
            news.next();
        }
    }
    count + olds.count() + news.count()
}
