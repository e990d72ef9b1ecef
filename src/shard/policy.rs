//! When a shard is hot, cold or stale: tests over thresholds that the caller sets. What follows from them is up to the
//! caller.

use std::time::Duration;

use super::{Estimates, Timestamp};

/// Thresholds for shards that ought to be split (hot), merged (cold), or asked for news (stale).
///
/// ```
/// use std::time::Duration;
/// use shardway::{Estimates, Policy, Timestamp};
///
/// let policy = Policy {
///     hot_above: Estimates { keys: 1_000_000, bytes: 64 << 20 },
///     cold_below: Estimates { keys: 10_000, bytes: 1 << 20 },
///     stale_after: Duration::from_secs(60),
/// };
/// assert!(policy.is_hot(Estimates { keys: 5, bytes: 65 << 20 }));
/// assert!(policy.is_stale(Timestamp(0), Timestamp(60_001)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Policy {
    /// A shard is hot with more keys or more bytes than this.
    pub hot_above: Estimates,
    /// A shard is cold with fewer keys and fewer bytes than this.
    pub cold_below: Estimates,
    /// A shard is stale when its last update is longer ago than this.
    pub stale_after: Duration,
}

impl Policy {
    /// Whether either estimate is above its threshold.
    #[must_use]
    pub fn is_hot(&self, estimates: Estimates) -> bool {
        estimates.keys > self.hot_above.keys || estimates.bytes > self.hot_above.bytes
    }

    /// Whether both estimates are below their thresholds.
    #[must_use]
    pub fn is_cold(&self, estimates: Estimates) -> bool {
        estimates.keys < self.cold_below.keys && estimates.bytes < self.cold_below.bytes
    }

    /// Whether `updated` is further back from `now` than the age allows. An update from the future is not stale.
    #[must_use]
    pub fn is_stale(&self, updated: Timestamp, now: Timestamp) -> bool {
        now.since(updated) > self.stale_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        hot_above: Estimates { keys: 10, bytes: 100 },
        cold_below: Estimates { keys: 5, bytes: 50 },
        stale_after: Duration::from_millis(1_000),
    };

    #[test]
    fn hot_is_either_above_and_cold_is_both_below() {
        let tests = |keys, bytes| {
            let estimates = Estimates { keys, bytes };
            (POLICY.is_hot(estimates), POLICY.is_cold(estimates))
        };
        assert_eq!(tests(10, 100), (false, false));
        assert_eq!(tests(11, 0), (true, false));
        assert_eq!(tests(0, 101), (true, false));
        assert_eq!(tests(4, 49), (false, true));
        assert_eq!(tests(5, 49), (false, false));
        assert_eq!(tests(4, 50), (false, false));
    }

    #[test]
    fn stale_is_strictly_older() {
        assert!(!POLICY.is_stale(Timestamp(500), Timestamp(1_500)));
        assert!(POLICY.is_stale(Timestamp(500), Timestamp(1_501)));
        assert!(!POLICY.is_stale(Timestamp(u64::MAX), Timestamp(0)), "a clock behind makes nothing stale");
    }
}
