//! How far a relocation is, and which may follow which.

use std::fmt;

/// A phase of a relocation: the steps in which a copy of a shard comes to another node without an outage of writes. They are
/// those of ScyllaDB's tablet transitions, without the one that lets replicas prepare: here the epoch, which grows with each
/// phase, tells a node that its table is behind.
///
/// | phase | reads ask | writes reach |
/// |---|---|---|
/// | `WriteBothReadOld` | the old copies | the old copies and the new one |
/// | `WriteBothReadNew` | the new copies | the new copies and the old one |
/// | `UseNew` | the new copies | the new copies |
///
/// They follow each other in this order; the second can also go back to the first, because in both all copies get every write.
/// A relocation is aborted in the first phase and committed in the last. To abort it right out of the second would be wrong:
/// who has not heard of it would read from a copy that gets no more writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Phase {
    /// What there is is copied to the new node, which gets all that is written meanwhile.
    WriteBothReadOld,
    /// The new copy has all. Reads move to it, and the old one still gets all that is written, for those who read there yet.
    WriteBothReadNew,
    /// Nobody reads the old copy any more, and nobody writes to it: it can be deleted.
    UseNew,
}

impl Phase {
    /// Every phase, in their order.
    pub const ALL: [Self; 3] = [Self::WriteBothReadOld, Self::WriteBothReadNew, Self::UseNew];

    /// Whether a relocation may go from this phase to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        self as u8 == next.enters_from() as u8
    }

    /// The only phase out of which a step leads to this one.
    pub(crate) const fn enters_from(self) -> Self {
        match self {
            Self::WriteBothReadNew => Self::WriteBothReadOld,
            Self::WriteBothReadOld | Self::UseNew => Self::WriteBothReadNew,
        }
    }
}

/// In words: `write both, read old`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WriteBothReadOld => "write both, read old",
            Self::WriteBothReadNew => "write both, read new",
            Self::UseNew => "use new",
        })
    }
}
