//! Counters that come to an end rather than wrap: one that wrapped would make old look new.

use crate::error::Error;

/// `counter` + 1.
pub(crate) fn next(counter: u64, what: &'static str) -> Result<u64, Error> {
    counter.checked_add(1).ok_or_else(|| Error::Exhausted { what })
}
