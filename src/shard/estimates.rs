//! How much a shard is thought to hold.

/// Estimated contents of a shard, as its node reports them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Estimates {
    /// Number of keys.
    pub keys: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl Estimates {
    /// Two parts that add up to the whole; the upper one gets what can't be halved.
    pub(crate) fn halves(self) -> (Self, Self) {
        let low = Self { keys: self.keys / 2, bytes: self.bytes / 2 };
        (low, Self { keys: self.keys - low.keys, bytes: self.bytes - low.bytes })
    }

    /// The sum, unless it does not fit.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self { keys: self.keys.checked_add(other.keys)?, bytes: self.bytes.checked_add(other.bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_lose_nothing() {
        for whole in [0, 1, 2, 7, u64::MAX] {
            let whole = Estimates { keys: whole, bytes: whole.wrapping_add(1) };
            let (low, high) = whole.halves();
            assert_eq!(low.checked_add(high), Some(whole));
            assert!(high.keys - low.keys <= 1);
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_none() {
        let (one, most) = (Estimates { keys: 1, bytes: 0 }, Estimates { keys: u64::MAX, bytes: 0 });
        assert_eq!(one.checked_add(most), None);
        assert_eq!(Estimates { keys: 0, bytes: u64::MAX }.checked_add(Estimates { keys: 0, bytes: 1 }), None);
    }
}
