//! The states of a shard, what each serves, and which may follow which.

use std::fmt;
use std::str::FromStr;

use super::{Access, ShardId};
use crate::error::Error;

/// What a shard is doing, and so what it serves.
///
/// | state | reads | writes |
/// |---|---|---|
/// | `Active` | yes | yes |
/// | `Splitting`, `Merging`, `Transferring` | yes | no: fenced while the change is prepared |
/// | `Offline` | no | no |
///
/// An operation is begun on an active shard, and its commit or abort makes the shard active again; a shard goes offline
/// from active only, so never under an operation. Legal transitions (from the row to the column; a state may always stay):
///
/// | | Active | Splitting | Merging | Transferring | Offline |
/// |---|---|---|---|---|---|
/// | **Active** | stays | yes | yes | yes | yes |
/// | **Splitting** | yes | stays | – | – | – |
/// | **Merging** | yes | – | stays | – | – |
/// | **Transferring** | yes | – | – | stays | – |
/// | **Offline** | yes | – | – | – | stays |
///
/// A one-shot split, merge or transfer passes through no state and fences nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
// As wide as a word: what pads a route after it would be copied in two pieces that overlap, which the processor can't forward
// from one copy to the next. 2 ns of a look-up (`cargo bench --bench peers`).
#[repr(u64)]
pub enum ShardState {
    /// Serves reads and writes.
    Active,
    /// A split is being prepared.
    Splitting,
    /// A merge with a neighbour is being prepared.
    Merging,
    /// A move to another leader is being prepared.
    Transferring,
    /// Serves nothing.
    Offline,
}

impl ShardState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Splitting, Self::Merging, Self::Transferring, Self::Offline];

    /// Whether a shard in this state serves reads.
    #[must_use]
    pub const fn can_read(self) -> bool {
        !matches!(self, Self::Offline)
    }

    /// Whether a shard in this state serves writes.
    #[must_use]
    pub const fn can_write(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether a shard in this state serves `access`.
    #[must_use]
    pub const fn serves(self, access: Access) -> bool {
        match access {
            Access::Read | Access::FollowerRead => self.can_read(),
            Access::Write | Access::FollowerWrite => self.can_write(),
        }
    }

    /// Whether a shard may go from this state to `next`, as in the table above.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Active, _) | (_, Self::Active)) || self as u8 == next as u8
    }

    /// The name of the state, in lower case; [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Splitting => "splitting",
            Self::Merging => "merging",
            Self::Transferring => "transferring",
            Self::Offline => "offline",
        }
    }

    /// `next`, if `shard` may become that.
    pub(crate) fn transition(self, next: Self, shard: ShardId) -> Result<Self, Error> {
        if self.may_become(next) {
            Ok(next)
        } else {
            Err(Error::IllegalTransition { shard, from: self, to: next })
        }
    }
}

impl fmt::Display for ShardState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ShardState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| Error::Parse {
            what: "shard state",
            input: text.into(),
            reason: "it is one of active, splitting, merging, transferring and offline",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ShardState::{Active, Merging, Offline, Splitting, Transferring};
    use super::*;

    #[test]
    fn each_state_serves_what_the_table_says() {
        let serves = |state: ShardState| (state.can_read(), state.can_write());
        assert_eq!(
            ShardState::ALL.map(serves),
            [(true, true), (true, false), (true, false), (true, false), (false, false)]
        );
        for state in ShardState::ALL {
            assert_eq!((state.serves(Access::Read), state.serves(Access::Write)), serves(state));
        }
    }

    #[test]
    fn transitions_cell_by_cell() {
        let legal = [
            (Active, [true, true, true, true, true]),
            (Splitting, [true, true, false, false, false]),
            (Merging, [true, false, true, false, false]),
            (Transferring, [true, false, false, true, false]),
            (Offline, [true, false, false, false, true]),
        ];
        for (from, row) in legal {
            for (to, legal) in ShardState::ALL.into_iter().zip(row) {
                assert_eq!(from.may_become(to), legal, "{from} to {to}");
                let expected = if legal {
                    Ok(to)
                } else {
                    Err(Error::IllegalTransition { shard: ShardId(7), from, to })
                };
                assert_eq!(from.transition(to, ShardId(7)), expected);
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for state in ShardState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!(matches!("Active".parse::<ShardState>(), Err(Error::Parse { what: "shard state", .. })));
    }
}
