//! The nodes that a table knows, and what would be lost with one of them. Which of a shard's copies to ask is the business
//! of [`super::choice`].

use std::sync::Arc;

use im::OrdMap;
use im::ordmap::DiffItem;

use super::Table;
use super::bits::bit;
use super::digest::Sum;
use super::draft::Draft;
use crate::change::{Operation, Outcome};
use crate::error::Error;
use crate::node::{Node, NodeStatus};
use crate::shard::{NodeId, Shard};

/// See the module.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Nodes {
    by_id: OrdMap<NodeId, Arc<Node>>,
    /// A bit for each node that is down; several nodes share one. So that a look-up need not search while all are up.
    down: u64,
    sum: Sum,
}

impl Nodes {
    pub(super) fn of(nodes: impl IntoIterator<Item = Node>) -> Result<Self, Error> {
        let mut known = Self::default();
        for node in nodes {
            let id = node.id;
            if known.by_id.insert(id, Arc::new(node)).is_some() {
                return Err(Error::Broken { what: format!("{id} is there twice") });
            }
        }
        known.learn();
        Ok(known)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.by_id.values().map(|node| &**node)
    }

    #[inline]
    pub(super) fn is_down(&self, node: NodeId) -> bool {
        self.down & bit(node.0) != 0 && self.status(node) == NodeStatus::Down
    }

    fn status(&self, node: NodeId) -> NodeStatus {
        self.by_id.get(&node).map_or(NodeStatus::Up, |node| node.status)
    }

    /// What all nodes add up to.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// Which nodes a newer version no longer knows, and which it knows otherwise or anew.
    pub(super) fn diff<'n>(&self, newer: &'n Self) -> (Vec<NodeId>, Vec<&'n Node>) {
        let (mut forgotten, mut known) = (Vec::new(), Vec::new());
        for difference in self.by_id.diff(&newer.by_id) {
            match difference {
                DiffItem::Add(_, node) | DiffItem::Update { new: (_, node), .. } => known.push(&**node),
                DiffItem::Remove(id, _) => forgotten.push(*id),
            }
        }
        (forgotten, known)
    }

    /// Forgets some nodes and learns of others. O(nodes), if there are any.
    pub(super) fn exchange(&mut self, forgotten: &[NodeId], known: &[Node]) -> Result<(), Error> {
        for node in forgotten {
            self.by_id.remove(node).ok_or(Error::NoSuchNode { node: *node })?;
        }
        for node in known {
            self.by_id.insert(node.id, Arc::new(node.clone()));
        }
        if !forgotten.is_empty() || !known.is_empty() {
            self.learn();
        }
        Ok(())
    }

    fn learn(&mut self) {
        (self.down, self.sum) = (self.bits_of_down(), Sum::of(self.iter()));
    }

    /// Whether the bits are those of the nodes that are down.
    pub(super) fn is_whole(&self) -> bool {
        self.down == self.bits_of_down() && self.sum == Sum::of(self.iter())
    }

    fn bits_of_down(&self) -> u64 {
        let down = self.iter().filter(|node| node.status == NodeStatus::Down);
        down.fold(0, |down, node| down | bit(node.id.0))
    }
}

/// A shard that would suffer from the loss of a node: see [`Table::losses`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss<'t> {
    /// The shard.
    pub shard: Shard<'t>,
    /// Whether it would be without a leader.
    pub leaderless: bool,
    /// How many copies would be left on nodes that are not down.
    pub copies: usize,
}

/// Nodes.
impl Table {
    /// What is known of a node. O(log nodes).
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.by_id.get(&node).map(|node| &**node)
    }

    /// Every node that the table knows, in ascending order of their ids. [`nodes`](Self::nodes) are those that hold shards.
    pub fn known_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Whether a node serves. One that the table does not know is up. O(log nodes).
    #[must_use]
    pub fn status(&self, node: NodeId) -> NodeStatus {
        self.nodes.status(node)
    }

    /// Every shard that would be without a leader, or with fewer than `least` copies on nodes that are not down, if `node`
    /// were lost, in key order: one consistent answer, from this revision. Costs what [`on_node`](Self::on_node) does, plus
    /// the copies of each shard.
    ///
    /// ```
    /// use shardway::{KeyRange, NodeId, ShardId, ShardRecord, Table};
    ///
    /// let mut record = ShardRecord::new(ShardId(1), KeyRange::full(), NodeId(1));
    /// record.replicas = vec![NodeId(2), NodeId(3)];
    /// let table = Table::from_records([record])?;
    /// let loss = table.losses(NodeId(1), 2).next().unwrap();
    /// assert_eq!((loss.leaderless, loss.copies), (true, 2));
    /// assert_eq!(table.losses(NodeId(2), 2).count(), 0);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn losses(&self, node: NodeId, least: usize) -> impl Iterator<Item = Loss<'_>> {
        self.on_node(node).filter_map(move |shard| {
            let serves = |holder: &&NodeId| **holder != node && !self.nodes.is_down(**holder);
            let copies = shard.replicas().iter().chain([&shard.leader()]).filter(serves).count();
            let leaderless = shard.leader() == node;
            (leaderless || copies < least).then_some(Loss { shard, leaderless, copies })
        })
    }
}

impl Draft<'_> {
    pub(super) fn put_node(&mut self, node: &Node) -> Result<Outcome, Error> {
        let id = node.id;
        if self.table.node(id) == Some(node) {
            return Ok(Outcome::Unchanged);
        }
        self.table.nodes.exchange(&[], std::slice::from_ref(node))?;
        Ok(Outcome::NodeKnown { node: id })
    }

    pub(super) fn set_status(&mut self, id: NodeId, status: NodeStatus) -> Result<Outcome, Error> {
        let node = self.table.node(id).ok_or(Error::NoSuchNode { node: id })?;
        self.put_node(&Node { status, ..node.clone() })
    }

    pub(super) fn forget_node(&mut self, node: NodeId) -> Result<Outcome, Error> {
        if self.table.node(node).is_none() {
            return Err(Error::NoSuchNode { node });
        }
        let relocates = |operation: &&Operation| matches!(operation, Operation::Relocation { from, to, .. } if [*from, *to].contains(&node));
        let holds = self.table.on_node(node).next().map(Shard::id);
        let waits = || self.table.operations().find(relocates).map(Operation::shard);
        if let Some(shard) = holds.or_else(waits) {
            return Err(Error::NodeInUse { node, shard });
        }
        self.table.nodes.exchange(&[node], &[])?;
        Ok(Outcome::NodeForgotten { node })
    }
}
