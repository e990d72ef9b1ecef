//! Operations in two phases that have begun and not ended. They are part of the table.

use std::fmt;

use super::{Naming, Phase, Progress};
use crate::key::Key;
use crate::shard::{NodeId, ShardId, Timestamp};

/// What is under way on one shard, or on two that merge. A shard has one operation at most; while it lasts, the members
/// and the range of the shard are frozen, and only its own commit or abort ends it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Operation {
    /// A shard is about to become two.
    Split {
        /// The shard.
        shard: ShardId,
        /// Where the upper child will start.
        at: Key,
        /// Which ids the children will have.
        naming: Naming,
        /// When it began, if the caller said so.
        began: Option<Timestamp>,
    },
    /// Two neighbours are about to become one.
    Merge {
        /// The shard with the lower range.
        lower: ShardId,
        /// The shard with the upper range.
        upper: ShardId,
        /// Which id the merged shard will have.
        naming: Naming,
        /// When it began, if the caller said so.
        began: Option<Timestamp>,
    },
    /// A shard is about to get another leader.
    Transfer {
        /// The shard.
        shard: ShardId,
        /// The node that leads it.
        from: NodeId,
        /// The node that will lead it.
        to: NodeId,
        /// How far it is.
        progress: Progress,
        /// When it began, if the caller said so.
        began: Option<Timestamp>,
        /// When progress was last reported, if the caller said so.
        reported: Option<Timestamp>,
    },
    /// A copy of a shard comes to another node, in phases. The shard serves reads and writes throughout.
    Relocation {
        /// The shard.
        shard: ShardId,
        /// The node that loses its copy: the leader or a replica.
        from: NodeId,
        /// The node that gets it, and the role with it.
        to: NodeId,
        /// What must be read and written.
        phase: Phase,
        /// How far the copying is.
        progress: Progress,
        /// When it began, if the caller said so.
        began: Option<Timestamp>,
        /// When progress was last reported, if the caller said so.
        reported: Option<Timestamp>,
    },
}

/// What an [`Operation`] is, without its particulars.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OperationKind {
    /// One shard becomes two.
    Split,
    /// Two shards become one.
    Merge,
    /// The leader of a shard moves.
    Transfer,
    /// A copy of a shard moves in phases.
    Relocation,
}

impl Operation {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Split { .. } => OperationKind::Split,
            Self::Merge { .. } => OperationKind::Merge,
            Self::Transfer { .. } => OperationKind::Transfer,
            Self::Relocation { .. } => OperationKind::Relocation,
        }
    }

    /// The shard that it is on; of a merge, the lower one.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        match self {
            Self::Split { shard, .. }
            | Self::Merge { lower: shard, .. }
            | Self::Transfer { shard, .. }
            | Self::Relocation { shard, .. } => *shard,
        }
    }

    /// Every shard that it is on: one, or of a merge two in key order.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        let upper = match self {
            Self::Merge { upper, .. } => Some(*upper),
            _ => None,
        };
        std::iter::once(self.shard()).chain(upper)
    }

    /// When a transfer, or the copying of a relocation, will be done if it goes on as it went from its beginning to its last
    /// report. `None` for other operations, before any progress, and where the caller gave no times. Saturates at the end of time.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Progress, Table, Timestamp};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let shard = table.resolve("")?.shard;
    /// let (table, _) = table.apply(&[
    ///     Change::begin_transfer(shard, NodeId(2)).at(Timestamp(10_000)),
    ///     Change::report_progress(shard, Progress::new(0.25)?).at(Timestamp(12_000)),
    /// ])?;
    /// let transfer = table.operation(shard).unwrap();
    /// assert_eq!(transfer.estimated_completion(), Some(Timestamp(18_000)));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn estimated_completion(&self) -> Option<Timestamp> {
        let (Self::Transfer { progress, began: Some(began), reported: Some(reported), .. }
        | Self::Relocation { progress, began: Some(began), reported: Some(reported), .. }) = self
        else {
            return None;
        };
        if *progress == Progress::NONE {
            return None;
        }
        let elapsed = reported.0.saturating_sub(began.0);
        // A float that is too great, or infinite, becomes the greatest integer.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let whole = (elapsed as f64 / progress.fraction()) as u64;
        Some(Timestamp(began.0.saturating_add(whole)))
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Transfer => "transfer",
            Self::Relocation => "relocation",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(progress: f64, began: Option<u64>, reported: Option<u64>) -> Operation {
        Operation::Transfer {
            shard: ShardId(1),
            from: NodeId(1),
            to: NodeId(2),
            progress: Progress::new(progress).unwrap(),
            began: began.map(Timestamp),
            reported: reported.map(Timestamp),
        }
    }

    #[test]
    fn completion_is_estimated_without_panic_at_any_extreme() {
        let estimate = |progress, began, reported| transfer(progress, began, reported).estimated_completion();
        assert_eq!(estimate(0.5, Some(100), Some(200)), Some(Timestamp(300)));
        assert_eq!(estimate(1.0, Some(100), Some(200)), Some(Timestamp(200)));
        assert_eq!(estimate(0.0, Some(100), Some(200)), None);
        assert_eq!(estimate(0.5, None, Some(200)), None);
        assert_eq!(estimate(0.5, Some(100), None), None);
        assert_eq!(estimate(0.5, Some(200), Some(100)), Some(Timestamp(200)), "a clock that went back");
        assert_eq!(estimate(1e-9, Some(1), Some(u64::MAX)), Some(Timestamp(u64::MAX)));
        assert_eq!(estimate(1e-9, Some(7), Some(7)), Some(Timestamp(7)));
    }
}
