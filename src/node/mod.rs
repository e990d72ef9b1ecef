//! What a table knows of a node beside the shards that it holds: where to reach it, what it is labelled with, and whether it
//! serves. Which shards it holds is in the shards.

use std::collections::BTreeMap;
use std::fmt;

use crate::shard::NodeId;

/// A node that a table knows. Shards may be on nodes that it does not know: of those it says that they are up.
///
/// ```
/// use shardway::{Node, NodeId};
///
/// let node = Node::new(NodeId(1), "10.0.0.1:7000").with_label("zone", "a").with_label("rack", "a7");
/// assert_eq!(node.labels["rack"], "a7");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// Where to reach it, in the words of whoever connects.
    pub address: String,
    /// Where it stands (zone, rack), and whatever else replicas are chosen by.
    #[cfg_attr(feature = "serde", serde(default))]
    pub labels: BTreeMap<String, String>,
    /// Whether it serves.
    #[cfg_attr(feature = "serde", serde(default))]
    pub status: NodeStatus,
}

impl Node {
    /// A node without labels that is up.
    #[must_use]
    pub fn new(id: NodeId, address: impl Into<String>) -> Self {
        Self { id, address: address.into(), labels: BTreeMap::new(), status: NodeStatus::Up }
    }

    /// The node with one more label, or with another value of one.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}

/// Whether a node serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum NodeStatus {
    /// It serves.
    #[default]
    Up,
    /// It serves what it holds, and should be given nothing more: its shards are on their way elsewhere.
    Draining,
    /// It does not serve.
    Down,
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Draining => "draining",
            Self::Down => "down",
        })
    }
}
