//! How far an operation is.

use std::fmt;

use crate::error::Error;

/// How many parts a whole has.
const WHOLE: u32 = 1_000_000_000;

/// A fraction of the work done, from 0 to 1, to a billionth: so that it is equal after it was written as text and read by
/// whoever rounds otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "f64", into = "f64")
)]
pub struct Progress(u32);

impl Progress {
    /// Nothing is done.
    pub const NONE: Self = Self(0);
    /// All is done.
    pub const ALL: Self = Self(WHOLE);

    /// The given fraction, or the billionth that is nearest to it.
    ///
    /// # Errors
    ///
    /// [`Error::ProgressOutOfRange`] unless it is between 0 and 1, both included; NaN is not.
    pub fn new(fraction: f64) -> Result<Self, Error> {
        if (0.0..=1.0).contains(&fraction) {
            // Whole, and no more than a billion.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let parts = (fraction * f64::from(WHOLE)).round() as u32;
            Ok(Self(parts))
        } else {
            Err(Error::ProgressOutOfRange { found: fraction.to_string() })
        }
    }

    pub(crate) fn billionths(self) -> u32 {
        self.0
    }

    /// The fraction, from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.fraction()).finish()
    }
}

impl TryFrom<f64> for Progress {
    type Error = Error;

    fn try_from(fraction: f64) -> Result<Self, Error> {
        Self::new(fraction)
    }
}

impl From<Progress> for f64 {
    fn from(progress: Progress) -> Self {
        progress.fraction()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fractions() {
        for fraction in [1e-9, 0.1, 1.0 / 3.0, 0.5, 1.0] {
            let kept = Progress::new(fraction).unwrap();
            assert!((kept.fraction() - fraction).abs() <= 5e-10);
            let beside = [f64::from_bits(kept.fraction().to_bits().saturating_sub(1)), kept.fraction()];
            assert_eq!(
                beside.map(Progress::new),
                [Ok(kept), Ok(kept)],
                "the same, if it is rounded on the way"
            );
        }
        assert_eq!(Progress::new(f64::MIN_POSITIVE), Ok(Progress::NONE));
        for fraction in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.0 + f64::EPSILON] {
            assert!(matches!(Progress::new(fraction), Err(Error::ProgressOutOfRange { .. })), "{fraction}");
        }
        assert!(Progress::new(-0.0).unwrap().fraction().is_sign_positive(), "there is one zero");
    }
}
