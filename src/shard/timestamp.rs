//! Time as the caller tells it: nothing here reads a clock.

use std::fmt;
use std::time::Duration;

/// A point in time in milliseconds on a clock of the caller's choice, usually since the Unix epoch. All timestamps that
/// are given to one table should come from the same clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// How long ago `earlier` was; zero if it is yet to come.
    ///
    /// ```
    /// # use shardway::Timestamp;
    /// # use std::time::Duration;
    /// assert_eq!(Timestamp(1_500).since(Timestamp(1_000)), Duration::from_millis(500));
    /// assert_eq!(Timestamp(1_000).since(Timestamp(1_500)), Duration::ZERO);
    /// ```
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
