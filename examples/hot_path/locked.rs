//! The rival: what most would write first, a `BTreeMap` behind a lock. Each request takes the lock for reading, looks up,
//! and lets go, as a server's would.

#![allow(clippy::disallowed_types, reason = "the lock is what shardway is compared with")]

use std::sync::{PoisonError, RwLock};

use shardway::{Access, Error, Refusal, Route, ShardRecord, Table};

use crate::contender::{Answer, Contender, Evidence, Lookups};
use crate::layout::Layout;
use crate::model::Model;
use crate::step::{Phase, Refused, Step};

/// The model of [`crate::model`], shared. The state of a table is gone with the next write.
pub(crate) struct Locked(RwLock<Model>);

impl Contender for Locked {
    const NAME: &'static str = "RwLock<BTreeMap>";

    type Layout = Model;
    type Judge = Table;
    type Lookups<'c> = LockedLookups<'c>;

    fn new(records: &[ShardRecord]) -> Result<Self, Error> {
        Model::of(records).map(|model| Self(RwLock::new(model)))
    }

    fn lookups(&self) -> LockedLookups<'_> {
        LockedLookups(self)
    }

    fn survey<R>(&self, look: impl FnOnce(&Model) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, step: &Step, phase: Phase) -> Result<u64, Refused> {
        let mut model = self.0.write().unwrap_or_else(PoisonError::into_inner);
        model.carry_out(step, phase)?;
        Ok(model.revision())
    }
}

pub(crate) struct LockedLookups<'c>(&'c Locked);

impl Lookups for LockedLookups<'_> {
    #[inline]
    fn ask(&mut self, key: &[u8], access: Access) -> Answer {
        self.0.survey(|model| Answer {
            revision: model.revision(),
            outcome: model.resolve(key).and_then(|route| serving(route, access)),
        })
    }

    /// The state that answered may be overwritten. But while the epoch of the shard is the same, its range and its leader
    /// must be, too; only a fence may have gone up or down.
    fn evidence(&mut self, key: &[u8], answer: &Answer) -> Evidence {
        let Some(told) = answer.route() else { return Evidence::NoSuchShard };
        self.0.survey(|model| match Evidence::from(model, key, told.shard) {
            found if model.revision() == answer.revision => found,
            Evidence::Shard { owns_key, route } if route.epoch == told.epoch => {
                Evidence::Shard { owns_key, route: Route { state: told.state, ..route } }
            }
            _ => Evidence::Overwritten,
        })
    }
}

fn serving(route: Route, access: Access) -> Result<Route, Refusal> {
    if route.state.serves(access) { Ok(route) } else { Err(Refusal::NotServing { route, access }) }
}
