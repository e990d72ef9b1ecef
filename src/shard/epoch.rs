//! The epoch of a shard: which of two descriptions of it is newer.

use std::cmp::Ordering;
use std::fmt;

use crate::counter;
use crate::error::Error;

/// Two counters that grow as a shard changes shape: `range` when its range does, `members` when its leader or replicas
/// do. Estimates, states and timestamps leave the epoch alone.
///
/// A child of a split or merge has the greatest `range` of its parents plus one, and their greatest `members`, so no
/// counter goes back along a lineage. The split in two counters is that of TiKV's `RegionEpoch`.
///
/// Epochs are ordered in part: one is greater if no counter is less and one is greater; otherwise they can't be compared.
///
/// ```
/// use shardway::Epoch;
///
/// let known = Epoch { range: 3, members: 5 };
/// assert!(known < Epoch { range: 4, members: 5 });
/// assert_eq!(known.partial_cmp(&Epoch { range: 4, members: 4 }), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Epoch {
    /// Grows when the range of the shard changes.
    pub range: u64,
    /// Grows when the leader or the replicas of the shard change.
    pub members: u64,
}

impl Epoch {
    /// The epoch of a shard that has never changed.
    pub const FIRST: Self = Self { range: 1, members: 1 };

    /// The greater of each counter.
    pub(crate) fn join(self, other: Self) -> Self {
        Self { range: self.range.max(other.range), members: self.members.max(other.members) }
    }

    /// After a change of range.
    pub(crate) fn next_range(self) -> Result<Self, Error> {
        Ok(Self { range: counter::next(self.range, "range epoch")?, ..self })
    }

    /// After a change of leader or replicas.
    pub(crate) fn next_members(self) -> Result<Self, Error> {
        Ok(Self { members: counter::next(self.members, "members epoch")?, ..self })
    }
}

impl PartialOrd for Epoch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.range.cmp(&other.range), self.members.cmp(&other.members)) {
            (range, members) if range == members => Some(range),
            (Ordering::Equal, members) => Some(members),
            (range, Ordering::Equal) => Some(range),
            _ => None,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.range, self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_both_counters() {
        let epoch = |range, members| Epoch { range, members };
        assert_eq!(epoch(1, 1).partial_cmp(&epoch(1, 1)), Some(Ordering::Equal));
        assert_eq!(epoch(1, 1).partial_cmp(&epoch(2, 2)), Some(Ordering::Less));
        assert_eq!(epoch(1, 2).partial_cmp(&epoch(1, 1)), Some(Ordering::Greater));
        assert_eq!(epoch(2, 1).partial_cmp(&epoch(1, 1)), Some(Ordering::Greater));
        assert_eq!(epoch(2, 1).partial_cmp(&epoch(1, 2)), None);
    }

    #[test]
    fn counters_do_not_wrap() {
        let last = Epoch { range: u64::MAX, members: u64::MAX };
        assert_eq!(last.next_range(), Err(Error::Exhausted { what: "range epoch" }));
        assert_eq!(last.next_members(), Err(Error::Exhausted { what: "members epoch" }));
    }
}
