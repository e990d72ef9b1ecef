//! What became of shards that were split, merged or removed: the newest passings, in the order in which they happened. What
//! follows from them for an old token is the business of [`super::fate`].
//!
//! Passings lie in short runs that versions share, so that to add one copies one run. Each run knows, by a bit for each id,
//! which shards it may have something about: to find one passing is to look at a word for each run, and into few of them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bits::bit;
use super::digest::Sum;
use crate::key::KeyRange;
use crate::shard::ShardId;

/// How many passings a run has at most.
const RUN: usize = 32;

/// What a table remembers of shards that are gone. Both bounds hold: what is beyond either is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Memory {
    /// So many passings at most: two for each merge, one for each split and removal. Each takes about 100 bytes
    /// and its keys.
    pub passings: u64,
    /// Those of so many revisions at most.
    pub revisions: u64,
}

impl Default for Memory {
    /// 4,096 passings, of any age.
    fn default() -> Self {
        Self { passings: 4_096, revisions: u64::MAX }
    }
}

/// The end of a shard as it was: split, merged or removed. In this epoch of its range it does not come back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Passing {
    /// The shard.
    pub shard: ShardId,
    /// The range counter of its epoch.
    pub epoch: u64,
    /// The keys that it had.
    pub range: KeyRange,
    /// The revision in which it was no more.
    pub revision: u64,
}

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Lineage {
    memory: Memory,
    /// Full runs, the oldest first.
    full: Arc<VecDeque<Arc<Run>>>,
    newest: Arc<Run>,
    /// How many passings at the front are forgotten already. They are in the first run.
    forgotten: usize,
    len: usize,
    sum: Sum,
}

#[derive(Default)]
struct Run {
    /// A bit for each shard that it has something about. Several shards share one.
    shards: u64,
    passings: Vec<Passing>,
}

impl Clone for Run {
    /// With room for one more: it is cloned for that.
    fn clone(&self) -> Self {
        let mut passings = Vec::with_capacity(self.passings.len() + 1);
        passings.extend(self.passings.iter().cloned());
        Self { shards: self.shards, passings }
    }
}

impl Run {
    fn push(&mut self, passing: Passing) {
        self.shards |= bit(passing.shard.0);
        self.passings.push(passing);
    }
}

impl Lineage {
    /// Of passings in the order in which they happened. O(n).
    pub(super) fn of(memory: Memory, passings: impl IntoIterator<Item = Passing>) -> Self {
        let mut lineage = Self { memory, ..Self::default() };
        for passing in passings {
            lineage.push(passing);
        }
        lineage
    }

    pub(super) fn memory(&self) -> Memory {
        self.memory
    }

    /// Forgets what a lesser memory does not hold. What is forgotten does not come back.
    pub(super) fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
        self.forget();
    }

    /// O(1): copies one short run.
    pub(super) fn push(&mut self, passing: Passing) {
        self.sum.add(&passing);
        if self.newest.passings.len() == RUN {
            let full = std::mem::take(&mut self.newest);
            Arc::make_mut(&mut self.full).push_back(full);
        }
        Arc::make_mut(&mut self.newest).push(passing);
        self.len += 1;
        self.forget();
    }

    /// Forgets the oldest, up to both bounds, as of the newest.
    fn forget(&mut self) {
        let now = self.iter().next_back().map_or(0, |passing| passing.revision);
        let oldest = now.saturating_sub(self.memory.revisions);
        let most = usize::try_from(self.memory.passings).unwrap_or(usize::MAX);
        while self.len > most || self.iter().next().is_some_and(|passing| passing.revision < oldest) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.full.front().unwrap_or(&self.newest).passings.get(self.forgotten) else {
            return;
        };
        self.sum.remove(oldest);
        self.forgotten += 1;
        self.len -= 1;
        if self.full.is_empty() {
            if self.len == 0 {
                (self.newest, self.forgotten) = (Arc::default(), 0);
            }
        } else if self.forgotten == RUN {
            Arc::make_mut(&mut self.full).pop_front();
            self.forgotten = 0;
        }
    }

    /// How many of the newest here are at the front of a newer version, and what is there behind them. O(what was forgotten,
    /// and what was added), if the newer version comes of this one, and `revision` is that of this one's table.
    pub(super) fn diff(&self, newer: &Self, revision: u64) -> (usize, Vec<Passing>) {
        let added = newer.newest().take_while(|passing| passing.revision > revision).count();
        let kept = newer.len - added;
        let comes_of_this = self.len.checked_sub(kept).is_some_and(|forgotten| {
            let mut sum = self.sum;
            self.iter().take(forgotten).for_each(|passing| sum.remove(passing));
            newer.newest().take(added).for_each(|passing| sum.add(passing));
            sum == newer.sum
        });
        let kept = if comes_of_this { kept } else { 0 };
        let mut added: Vec<_> = newer.newest().take(newer.len - kept).cloned().collect();
        added.reverse();
        (kept, added)
    }

    /// Forgets all but so many of the newest, and adds others. O(1) for each.
    pub(super) fn exchange(&mut self, memory: Memory, kept: usize, added: impl IntoIterator<Item = Passing>) {
        self.memory = memory;
        while self.len > kept {
            self.forget_oldest();
        }
        added.into_iter().for_each(|passing| self.push(passing));
        self.forget();
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Passing> {
        self.iter().rev()
    }

    /// What all passings add up to.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// Whether a shard has ended in an epoch with this range counter or a later one. O(runs).
    pub(super) fn has_ended_from(&self, shard: ShardId, epoch: u64) -> bool {
        self.about(shard).any(|passing| passing.shard == shard && passing.epoch >= epoch)
    }

    /// What is remembered of a shard, and of some others.
    fn about(&self, shard: ShardId) -> impl Iterator<Item = &Passing> {
        let runs = self.full.iter().chain([&self.newest]).enumerate();
        runs.filter(move |(_, run)| run.shards & bit(shard.0) != 0).flat_map(|(place, run)| {
            let forgotten = if place == 0 { self.forgotten } else { 0 };
            run.passings[forgotten..].iter()
        })
    }

    /// What happened to a shard in the epoch with this range counter. O(runs).
    pub(super) fn find(&self, shard: ShardId, epoch: u64) -> Option<&Passing> {
        self.about(shard).find(|passing| (passing.shard, passing.epoch) == (shard, epoch))
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Passing> {
        let oldest = self.full.front().unwrap_or(&self.newest);
        self.full.iter().chain([&self.newest]).flat_map(move |run| {
            let forgotten = if Arc::ptr_eq(run, oldest) { self.forgotten } else { 0 };
            run.passings[forgotten..].iter()
        })
    }

    /// Whether it counts right and is in order.
    pub(super) fn is_whole(&self) -> bool {
        self.iter().count() == self.len
            && self.sum == Sum::of(self.iter())
            && self.iter().map(|passing| passing.revision).is_sorted()
            && self.full.iter().all(|run| run.passings.len() == RUN)
            && self.full.iter().chain([&self.newest]).all(|run| {
                let shards = run.passings.iter().fold(0, |shards, passing| shards | bit(passing.shard.0));
                shards == run.shards
            })
    }
}

impl PartialEq for Lineage {
    fn eq(&self, other: &Self) -> bool {
        self.memory == other.memory && self.len == other.len && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(number: u64) -> Passing {
        let (shard, range) = (ShardId(number % 97), KeyRange::full());
        Passing { shard, epoch: number, range, revision: number / 3 }
    }

    #[test]
    fn what_is_within_both_bounds_is_found_and_nothing_else() {
        let bounds = [(0, 9), (1, 9), (31, u64::MAX), (32, 9), (33, 40), (100, 20), (500, 70)];
        // One that goes over the end of a run is enough for Miri.
        let (bounds, most) = if cfg!(miri) { (&bounds[4..5], 80) } else { (&bounds[..], 400) };
        for (passings, revisions) in bounds.iter().copied() {
            let memory = Memory { passings, revisions };
            let mut lineage = Lineage::of(memory, []);
            let mut kept = VecDeque::new();
            for number in 0..most {
                let old = lineage.clone();
                let before = kept.clone();
                lineage.push(passing(number));
                kept.push_back(passing(number));
                while kept.len() as u64 > passings
                    || kept
                        .front()
                        .is_some_and(|first| first.revision < (number / 3).saturating_sub(revisions))
                {
                    kept.pop_front();
                }
                assert!(lineage.is_whole());
                assert!(lineage.iter().eq(&kept));
                assert!(old.iter().eq(&before), "an old version has changed");
                for number in (0..=number).rev().step_by(13) {
                    let Passing { shard, epoch, .. } = passing(number);
                    assert_eq!(lineage.find(shard, epoch), kept.iter().find(|kept| kept.epoch == epoch));
                    assert_eq!(lineage.find(shard, epoch + 1), None);
                }
            }
            assert!(Lineage::of(memory, kept) == lineage);
        }
    }

    #[test]
    fn a_lesser_memory_forgets_for_good() {
        let mut lineage = Lineage::of(Memory::default(), (0..100).map(passing));
        lineage.set_memory(Memory { passings: 40, ..Memory::default() });
        assert!(lineage.is_whole() && lineage.iter().map(|passing| passing.epoch).eq(60..100));
        lineage.set_memory(Memory { passings: 90, revisions: 2 });
        assert!(lineage.is_whole() && lineage.iter().map(|passing| passing.revision).all(|at| at >= 31));
        lineage.set_memory(Memory { passings: 0, revisions: 0 });
        assert!(lineage.is_whole() && lineage.iter().next().is_none());
    }
}
