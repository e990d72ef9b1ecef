//! Sets of ids in one word: each id has a bit, and several share one. A bit that is not set says that an id is not there; one
//! that is set, only that it is worth a look.

/// The bit of an id.
#[inline]
pub(super) fn bit(id: u64) -> u64 {
    1 << (id % u64::from(u64::BITS))
}
