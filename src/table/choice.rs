//! Which of a shard's copies to ask.

use std::cmp::Reverse;

use super::Table;
use crate::node::{Node, NodeStatus};
use crate::shard::{NodeId, Shard};

/// Which copy a read prefers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Preference<'p> {
    /// The leader and no other.
    Leader,
    /// Any copy: equally many of all numbers choose each. Give each request its own, from a counter or at random.
    Any(u64),
    /// The copy with the first of these labels, name and value, and among several such the one with the second, and so on: so
    /// zone goes before rack. The first 64 count.
    Nearest(&'p [(&'p str, &'p str)]),
}

/// Choosing among copies.
impl Table {
    /// The copy of `shard` to read from. Nodes that are down are left out, and those that drain are for when there is nobody
    /// else. O(copies · labels); no allocation.
    ///
    /// ```
    /// use shardway::{Change, Node, NodeId, Preference, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let shard = table.resolve("")?.shard;
    /// let (table, _) = table.apply(&[
    ///     Change::add_replica(shard, NodeId(2)),
    ///     Change::put_node(Node::new(NodeId(1), "one:7000").with_label("zone", "a")),
    ///     Change::put_node(Node::new(NodeId(2), "two:7000").with_label("zone", "b")),
    /// ])?;
    /// let shard = table.owner("user/4711").unwrap();
    /// assert_eq!(table.copy_for(shard, Preference::Leader), Some(NodeId(1)));
    /// assert_eq!(table.copy_for(shard, Preference::Nearest(&[("zone", "b")])), Some(NodeId(2)));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn copy_for(&self, shard: Shard<'_>, preference: Preference<'_>) -> Option<NodeId> {
        match preference {
            Preference::Leader => Some(shard.leader()).filter(|leader| !self.nodes.is_down(*leader)),
            Preference::Any(number) => self.any_copy(shard, number),
            Preference::Nearest(labels) => self.best_copy(shard, |_, node| {
                let has = |(name, value): &(&str, &str)| {
                    node.and_then(|node| node.labels.get(*name)).is_some_and(|found| found == value)
                };
                labels.iter().take(64).fold(0_u64, |score, label| score << 1 | u64::from(has(label)))
            }),
        }
    }

    /// The copy with the greatest score, as the caller sees it: the leader's, or the first one's, where they are equal. As in
    /// [`copy_for`](Self::copy_for), nodes that are down are left out, and draining ones come last.
    pub fn best_copy<S: Ord>(
        &self,
        shard: Shard<'_>,
        mut score: impl FnMut(NodeId, Option<&Node>) -> S,
    ) -> Option<NodeId> {
        let mut best: Option<(Reverse<bool>, S, NodeId)> = None;
        for (node, known) in self.copies(shard) {
            let drains = known.is_some_and(|known| known.status == NodeStatus::Draining);
            let (drains, score) = (Reverse(drains), score(node, known));
            if best.as_ref().is_none_or(|(others, most, _)| (&drains, &score) > (others, most)) {
                best = Some((drains, score, node));
            }
        }
        best.map(|(_, _, node)| node)
    }

    fn any_copy(&self, shard: Shard<'_>, number: u64) -> Option<NodeId> {
        let is_settled = |(_, known): &(NodeId, Option<&Node>)| {
            known.is_none_or(|known| known.status != NodeStatus::Draining)
        };
        let settled = self.copies(shard).filter(is_settled).count();
        let nth = |count: usize| usize::try_from(number % count as u64).unwrap_or(0);
        let node = match settled {
            0 => {
                let count = self.copies(shard).count();
                self.copies(shard).nth(nth(count.max(1)))
            }
            some => self.copies(shard).filter(is_settled).nth(nth(some)),
        };
        node.map(|(node, _)| node)
    }

    /// Every copy on a node that is not down, the leader's first.
    fn copies<'t>(&'t self, shard: Shard<'t>) -> impl Iterator<Item = (NodeId, Option<&'t Node>)> {
        [shard.leader()]
            .into_iter()
            .chain(shard.replicas().iter().copied())
            .filter(|node| !self.nodes.is_down(*node))
            .map(|node| (node, self.node(node)))
    }
}
