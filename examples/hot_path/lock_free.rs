//! The contender that this is all about: a shardway [`Router`].

use std::mem;

use shardway::{Access, Error, Reader, Router, ShardRecord, Snapshot, Table};

use crate::contender::{Answer, Contender, Evidence, Lookups};
use crate::layout::Layout;
use crate::model::Model;
use crate::step::{Phase, Refused, Step};

impl Contender for Router {
    const NAME: &'static str = "shardway";

    type Layout = Table;
    type Judge = Model;
    type Lookups<'c> = RouterLookups;

    fn new(records: &[ShardRecord]) -> Result<Self, Error> {
        Table::of(records).map(Self::from)
    }

    fn lookups(&self) -> RouterLookups {
        RouterLookups { reader: self.reader(), newest: self.snapshot(), older: Vec::new() }
    }

    fn survey<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.snapshot())
    }

    fn publish(&self, step: &Step, phase: Phase) -> Result<u64, Refused> {
        Ok(self.transact([step.to_change(phase)])?.revision)
    }

    /// The invariants of the table, that the whole keyspace is owned, and that no old table stays in memory.
    fn verify(&self) -> Result<(), String> {
        let table = self.snapshot();
        table.verify().map_err(|error| error.to_string())?;
        if let Some(gap) = table.gaps().next() {
            return Err(format!("nobody owns {gap}"));
        }
        self.reclaim();
        match self.retained().tables {
            0 => Ok(()),
            tables => Err(format!("{tables} old tables stay in memory though nobody reads them")),
        }
    }
}

/// Keeps every table that answered, so that each answer can be held against the one that it came from.
pub(crate) struct RouterLookups {
    reader: Reader,
    newest: Snapshot,
    older: Vec<Snapshot>,
}

impl RouterLookups {
    fn table(&self, revision: u64) -> Option<&Table> {
        let kept = [&self.newest].into_iter().chain(&self.older);
        kept.map(|table| &**table).find(|table| table.revision() == revision)
    }
}

impl Lookups for RouterLookups {
    /// What [`Reader::resolve_for`] does, except that the table is kept when it is a new one: a count on a shared line,
    /// at the expense of shardway.
    #[inline]
    fn ask(&mut self, key: &[u8], access: Access) -> Answer {
        if self.reader.table().revision() != self.newest.revision() {
            self.older.push(mem::replace(&mut self.newest, self.reader.snapshot()));
        }
        Answer { revision: self.newest.revision(), outcome: self.newest.resolve_for(key, access) }
    }

    fn evidence(&mut self, key: &[u8], answer: &Answer) -> Evidence {
        match (self.table(answer.revision), answer.route()) {
            (Some(table), Some(route)) => Evidence::from(table, key, route.shard),
            _ => Evidence::NoSuchShard,
        }
    }

    fn forget(&mut self) {
        self.older.clear();
    }
}
