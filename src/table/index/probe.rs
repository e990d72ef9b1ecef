//! A key that is looked for, on its way down the tree: what every node wants to know of it is made once.

use super::columns::word;
use super::wide::ordered;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Probe<'k> {
    pub(super) key: &'k [u8],
    /// Its first eight bytes, as the head of nodes whose keys are told apart by these.
    pub(super) first: i64,
}

impl<'k> Probe<'k> {
    #[inline(always)]
    pub(super) fn new(key: &'k [u8]) -> Self {
        Self { key, first: ordered(word(key, 0)) }
    }
}
