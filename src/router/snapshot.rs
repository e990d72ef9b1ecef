//! One revision to keep.

use std::ops::Deref;
use std::sync::Arc;

use crate::table::Table;

/// A table as it was published at some time, for as long as it is held. Everything that a [`Table`] answers, it answers.
///
/// Cheap to clone and free to send. It keeps its table, and the parts that later ones have replaced, in memory: the
/// router's [`retained`](crate::Router::retained) shows how much. As long as the router lives, dropping a snapshot frees
/// nothing: the writers do that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Arc<Table>);

impl Snapshot {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self(table)
    }

    /// Whether this is that very table.
    pub(super) fn is(&self, table: &Arc<Table>) -> bool {
        Arc::ptr_eq(&self.0, table)
    }
}

impl Deref for Snapshot {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}
