//! What differs between two versions of a table, found by skipping what they share.

use super::Table;
use super::index::EntryDiff;
use crate::shard::Shard;

/// How two tables differ at one place of the keyspace: at the start of a shard in either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference<'old, 'new> {
    /// A shard started here in the old table, and none does in the new one.
    Gone(Shard<'old>),
    /// A shard starts here in the new table, and none did in the old one.
    New(Shard<'new>),
    /// A shard starts here in both, and its record differs: perhaps in its id.
    Changed(Shard<'old>, Shard<'new>),
}

impl Table {
    /// Where this table and a `newer` one differ, in key order. Between versions of one table in time proportional to
    /// what changed, since shared parts are skipped; any two tables can be compared.
    ///
    /// ```
    /// use shardway::{Change, Difference, NodeId, Table};
    ///
    /// let old = Table::whole(NodeId(1));
    /// let (new, _) = old.apply(&[Change::split(old.resolve("")?.shard, "m")])?;
    /// let differences: Vec<_> = old.diff(&new).collect();
    /// assert!(matches!(differences[..], [Difference::Changed(_, _), Difference::New(_)]));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn diff<'old, 'new>(&'old self, newer: &'new Self) -> impl Iterator<Item = Difference<'old, 'new>> {
        self.index.diff(&newer.index).map(|difference| match difference {
            EntryDiff::Gone(old) => Difference::Gone(old),
            EntryDiff::New(new) => Difference::New(new),
            EntryDiff::Changed(old, new) => Difference::Changed(old, new),
        })
    }
}
