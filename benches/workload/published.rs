//! A routing table that threads share, as one that reads and one that publishes see it: shardway's and, by way of their
//! cells, everybody else's.

use std::mem::swap;

use shardway::{Change, Route, Router, ShardRecord};

use super::cells::Shared;
use super::maps::Map;
use super::shards::{self, Target};

/// One publication.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Split,
    /// Of what was split before.
    Merge,
    /// To another node; the next time back.
    Transfer,
    Report,
}

impl Step {
    /// In an order in which they can follow each other.
    pub(crate) const ALL: [Self; 4] = [Self::Split, Self::Merge, Self::Transfer, Self::Report];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Transfer => "transfer",
            Self::Report => "report",
        }
    }

    /// Makes of the record what is to be published.
    fn prepare(self, target: &mut Target) {
        match self {
            Self::Split | Self::Merge => {}
            Self::Transfer => swap(&mut target.record.leader, &mut target.other),
            Self::Report => target.record.estimates.keys += 1,
        }
    }
}

pub(crate) trait Published: Send + Sync {
    fn name() -> String;

    fn of(records: &[ShardRecord]) -> Self;

    /// What one thread looks up with.
    fn finder(&self) -> impl FnMut(&[u8]) -> Option<Route> + Send;

    fn publish(&self, step: Step, target: &mut Target);

    fn carry_out(&self, step: Step, target: &mut Target) {
        step.prepare(target);
        self.publish(step, target);
    }
}

impl Published for Router {
    fn name() -> String {
        "shardway".into()
    }

    fn of(records: &[ShardRecord]) -> Self {
        shards::router(records)
    }

    fn finder(&self) -> impl FnMut(&[u8]) -> Option<Route> + Send {
        let mut reader = self.reader();
        move |key| reader.resolve(key).ok()
    }

    fn publish(&self, step: Step, Target { record, middle, halves, .. }: &mut Target) {
        match step {
            Step::Split => *halves = Some(self.split(record.id, &*middle).expect("it can be split")),
            Step::Merge => {
                let halves = halves.take().expect("it was split");
                record.id = self.merge(halves.lower, halves.upper).expect("they were one");
            }
            Step::Transfer => self.transfer(record.id, record.leader).expect("another node led it"),
            Step::Report => {
                self.apply(Change::report(record.id, record.estimates)).expect("it is there");
            }
        }
    }
}

impl<S: Shared> Published for S {
    fn name() -> String {
        S::name()
    }

    fn of(records: &[ShardRecord]) -> Self {
        S::of(records)
    }

    fn finder(&self) -> impl FnMut(&[u8]) -> Option<Route> + Send {
        move |key| self.read(|map| map.floor(key))
    }

    fn publish(&self, step: Step, Target { record, start, middle, .. }: &mut Target) {
        self.publish(|map| match step {
            Step::Split => {
                map.put(start, record);
                map.put(middle, record);
            }
            Step::Merge => {
                map.take(middle);
                map.put(start, record);
            }
            Step::Transfer | Step::Report => map.put(start, record),
        });
    }
}
