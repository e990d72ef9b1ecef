//! A whole table as plain data, for files, logs and other processes, and the way back, which trusts nothing.

use super::bulk::build;
use super::lineage::Lineage;
use super::nodes::Nodes;
use super::operations::Operations;
use super::{Floor, Memory, Passing, Table};
use crate::change::Operation;
use crate::error::Error;
use crate::node::Node;
use crate::shard::ShardRecord;

/// A whole table as plain data. With the feature `serde`, tables are serialised in this form.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct TableImage {
    /// The revision of the table.
    pub revision: u64,
    /// The least id that no shard has had.
    pub next_id: u64,
    /// The greatest counters of all shards that are gone.
    pub floor: Floor,
    /// All shards; in key order, if a table wrote them.
    pub shards: Vec<ShardRecord>,
    /// The operations under way.
    pub operations: Vec<Operation>,
    /// The nodes that the table knows.
    #[cfg_attr(feature = "serde", serde(default))]
    pub nodes: Vec<Node>,
    /// What it remembers of shards that are gone: the oldest first.
    #[cfg_attr(feature = "serde", serde(default))]
    pub passings: Vec<Passing>,
    /// How much of that it keeps.
    #[cfg_attr(feature = "serde", serde(default))]
    pub memory: Memory,
}

impl Table {
    /// The table as plain data. O(n).
    #[must_use]
    pub fn to_image(&self) -> TableImage {
        TableImage {
            revision: self.revision,
            next_id: self.next_id,
            floor: self.floor,
            shards: self.shards().map(|shard| shard.to_record()).collect(),
            operations: self.operations().cloned().collect(),
            nodes: self.known_nodes().cloned().collect(),
            passings: self.passings().collect(),
            memory: self.memory(),
        }
    }

    /// The table that an image describes, validated as strictly as one that is built by changes. O(n log n).
    ///
    /// # Errors
    ///
    /// Those of [`Table::from_records`], and [`Error::Broken`] where the parts of the image contradict each other.
    ///
    /// ```
    /// use shardway::{NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let mut image = table.to_image();
    /// assert_eq!(Table::from_image(image.clone())?, table);
    /// image.next_id = 1;
    /// assert!(Table::from_image(image).is_err(), "an id in use would be given out again");
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn from_image(image: TableImage) -> Result<Self, Error> {
        let mut operations = Operations::default();
        for operation in image.operations {
            if let Some(shard) = operation.shards().find(|shard| operations.on(*shard).is_some()) {
                return Err(Error::Broken { what: format!("{shard} is part of two operations") });
            }
            operations.insert(operation);
        }
        let mut table = build(image.shards, operations)?;
        if image.next_id < table.next_id {
            let what = format!("the next id is {}, but {} is in use", image.next_id, table.next_id - 1);
            return Err(Error::Broken { what });
        }
        table.revision = image.revision;
        table.next_id = image.next_id;
        table.floor = image.floor;
        table.nodes = Nodes::of(image.nodes)?;
        table.lineage = Lineage::of(image.memory, &image.passings);
        table.verify()?;
        Ok(table)
    }
}

#[cfg(feature = "serde")]
mod serde_impl {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{Table, TableImage};

    impl Serialize for Table {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.to_image().serialize(serializer)
        }
    }

    /// Validates what it reads: see [`Table::from_image`].
    impl<'de> Deserialize<'de> for Table {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Self::from_image(TableImage::deserialize(deserializer)?).map_err(D::Error::custom)
        }
    }
}
