//! How far an operation is.

use crate::error::Error;

/// A fraction of the work done, from 0 to 1. Never NaN, so it can be compared.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "f64", into = "f64")
)]
pub struct Progress(f64);

impl Progress {
    /// Nothing is done.
    pub const NONE: Self = Self(0.0);
    /// All is done.
    pub const ALL: Self = Self(1.0);

    /// The given fraction.
    ///
    /// # Errors
    ///
    /// [`Error::ProgressOutOfRange`] unless it is between 0 and 1, both included; NaN is not.
    pub fn new(fraction: f64) -> Result<Self, Error> {
        if (0.0..=1.0).contains(&fraction) {
            Ok(Self(fraction.abs()))
        } else {
            Err(Error::ProgressOutOfRange { found: fraction.to_string() })
        }
    }

    /// The fraction, from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0
    }
}

/// Sound, since there is no NaN to differ from itself.
impl Eq for Progress {}

impl TryFrom<f64> for Progress {
    type Error = Error;

    fn try_from(fraction: f64) -> Result<Self, Error> {
        Self::new(fraction)
    }
}

impl From<Progress> for f64 {
    fn from(progress: Progress) -> Self {
        progress.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fractions() {
        for fraction in [0.0, f64::MIN_POSITIVE, 0.5, 1.0] {
            assert_eq!(Progress::new(fraction).map(Progress::fraction), Ok(fraction));
        }
        for fraction in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.0 + f64::EPSILON] {
            assert!(matches!(Progress::new(fraction), Err(Error::ProgressOutOfRange { .. })), "{fraction}");
        }
        assert!(Progress::new(-0.0).unwrap().fraction().is_sign_positive(), "there is one zero");
    }
}
