//! Counters that come to an end rather than wrap: one that wrapped would make old look new.

use crate::error::Error;

/// `counter` + 1.
pub(crate) fn next(counter: u64, what: &'static str) -> Result<u64, Error> {
    // `ok_or` would make an error each time, and drop it.
    match counter.checked_add(1) {
        Some(next) => Ok(next),
        None => Err(Error::Exhausted { what }),
    }
}
