//! What became of shards that were split, merged or removed: the newest passings, in the order in which they happened. What
//! follows from them for an old token is the business of [`super::fate`].
//!
//! Passings lie in short [`run`]s that versions share, so that to add one copies one run. Each run knows, by a bit for each
//! id, which shards it may have something about: to find one passing is to look at a word for each run, and into few of them.

mod run;

use std::collections::VecDeque;
use std::sync::Arc;

use super::digest::{Part, Sum};
use crate::key::KeyRange;
use crate::shard::ShardId;
pub(super) use run::Passed;
use run::Run;

/// How many passings a run has at most.
const RUN: usize = 32;

/// What a table remembers of shards that are gone. Both bounds hold: what is beyond either is forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Memory {
    /// So many passings at most: two for each merge, one for each split and removal. Each takes about 50 bytes
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

impl Lineage {
    /// Of passings in the order in which they happened. O(n).
    pub(super) fn of(memory: Memory, passings: &[Passing]) -> Self {
        let mut lineage = Self { memory, ..Self::default() };
        passings.iter().for_each(|passing| lineage.push(&passing.as_passed()));
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

    /// O(1): copies one short run, with its keys.
    pub(super) fn push(&mut self, passed: &Passed<'_>) {
        let digest = passed.digest();
        self.sum.put_in(digest);
        match Arc::get_mut(&mut self.newest) {
            Some(newest) => newest.push(passed, digest),
            None => self.newest = Arc::new(self.newest.with(passed, digest)),
        }
        self.len += 1;
        // Now and not with the next one: a full memory forgets a run at the same time, and their list is copied once.
        if self.newest.len() == RUN {
            let full = std::mem::take(&mut self.newest);
            Arc::make_mut(&mut self.full).push_back(full);
        }
        self.forget();
    }

    /// Forgets the oldest, up to both bounds, as of the newest.
    fn forget(&mut self) {
        let now = self.newest.last_revision().or_else(|| self.full.back()?.last_revision());
        let since = now.map_or(0, |now| now.saturating_sub(self.memory.revisions));
        let most = usize::try_from(self.memory.passings).unwrap_or(usize::MAX);
        // Nothing is older than at first, and the oldest have not been looked at for long.
        let is_old = |revision| revision < since;
        while self.len > most || since > 0 && self.oldest().revision(self.forgotten).is_some_and(is_old) {
            self.forget_oldest();
        }
    }

    /// Has loaded what the next one will make it forget, if the memory is full: nobody has looked at that for long.
    pub(super) fn load_ahead(&self) {
        if self.len as u64 >= self.memory.passings {
            self.oldest().load_ahead(self.forgotten);
        }
    }

    /// The run in which some at the front may be forgotten.
    fn oldest(&self) -> &Arc<Run> {
        self.full.front().unwrap_or(&self.newest)
    }

    fn forget_oldest(&mut self) {
        let Some(digest) = self.oldest().digest(self.forgotten) else { return };
        self.sum.take_out(digest);
        self.forgotten += 1;
        self.len -= 1;
        if self.forgotten == self.oldest().len() {
            if self.full.is_empty() {
                self.newest = Arc::default();
            } else {
                Arc::make_mut(&mut self.full).pop_front();
            }
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
            self.iter().take(forgotten).for_each(|passed| sum.remove(&passed));
            newer.newest().take(added).for_each(|passed| sum.add(&passed));
            sum == newer.sum
        });
        let kept = if comes_of_this { kept } else { 0 };
        let mut added: Vec<_> = newer.newest().take(newer.len - kept).map(Passed::to_passing).collect();
        added.reverse();
        (kept, added)
    }

    /// Forgets all but so many of the newest, and adds others. O(1) for each.
    pub(super) fn exchange(&mut self, memory: Memory, kept: usize, added: &[Passing]) {
        self.memory = memory;
        while self.len > kept {
            self.forget_oldest();
        }
        added.iter().for_each(|passing| self.push(&passing.as_passed()));
        self.forget();
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = Passed<'_>> {
        self.iter().rev()
    }

    /// What all passings add up to.
    pub(super) fn sum(&self) -> Sum {
        self.sum
    }

    /// Whether a shard has ended in an epoch with this range counter or a later one. O(runs).
    pub(super) fn has_ended_from(&self, shard: ShardId, epoch: u64) -> bool {
        self.about(shard, |ended| ended >= epoch).is_some()
    }

    /// What happened to a shard in the epoch with this range counter. O(runs).
    pub(super) fn find(&self, shard: ShardId, epoch: u64) -> Option<Passed<'_>> {
        self.about(shard, |ended| ended == epoch)
    }

    fn about(&self, shard: ShardId, is_it: impl Fn(u64) -> bool + Copy) -> Option<Passed<'_>> {
        let mut runs = self.runs().filter(|(_, run)| run.may_know(shard));
        runs.find_map(|(forgotten, run)| run.find(forgotten, shard, is_it))
    }

    /// Every run, with how many at its front are forgotten.
    fn runs(&self) -> impl DoubleEndedIterator<Item = (usize, &Run)> {
        let oldest = self.oldest();
        let forgotten = |run: &Arc<Run>| if Arc::ptr_eq(run, oldest) { self.forgotten } else { 0 };
        self.full.iter().chain([&self.newest]).map(move |run| (forgotten(run), &**run))
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Passed<'_>> {
        self.runs().flat_map(|(forgotten, run)| run.from(forgotten))
    }

    /// Whether it counts right and is in order.
    pub(super) fn is_whole(&self) -> bool {
        self.iter().count() == self.len
            && self.sum == Sum::of(self.iter())
            && self.iter().map(|passed| passed.revision).is_sorted()
            && self.full.iter().all(|run| run.len() == RUN)
            && self.newest.len() < RUN
            && self.runs().all(|(_, run)| run.is_whole())
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
        let start = "some key".repeat(usize::try_from(number % 5).unwrap());
        let range = if number % 3 == 0 {
            KeyRange::from(start..)
        } else {
            KeyRange::try_from(start..format!("the end of {number}")).unwrap()
        };
        Passing { shard: ShardId(number % 97), epoch: number, range, revision: number / 3 }
    }

    #[test]
    fn what_is_within_both_bounds_is_found_and_nothing_else() {
        let bounds = [(0, 9), (1, 9), (31, u64::MAX), (32, 9), (33, 40), (100, 20), (500, 70)];
        // One that goes over the end of a run is enough for Miri.
        let (bounds, most) = if cfg!(miri) { (&bounds[4..5], 80) } else { (&bounds[..], 400) };
        for (passings, revisions) in bounds.iter().copied() {
            let memory = Memory { passings, revisions };
            let mut lineage = Lineage::of(memory, &[]);
            let mut kept = VecDeque::new();
            for number in 0..most {
                let old = lineage.clone();
                let before = kept.clone();
                lineage.push(&passing(number).as_passed());
                kept.push_back(passing(number));
                while kept.len() as u64 > passings
                    || kept
                        .front()
                        .is_some_and(|first| first.revision < (number / 3).saturating_sub(revisions))
                {
                    kept.pop_front();
                }
                assert!(lineage.is_whole());
                assert!(lineage.iter().map(Passed::to_passing).eq(kept.iter().cloned()));
                assert!(old.iter().map(Passed::to_passing).eq(before), "an old version has changed");
                for number in (0..=number).rev().step_by(13) {
                    let Passing { shard, epoch, .. } = passing(number);
                    let found = lineage.find(shard, epoch).map(Passed::to_passing);
                    assert_eq!(found.as_ref(), kept.iter().find(|kept| kept.epoch == epoch));
                    assert_eq!(lineage.find(shard, epoch + 1), None);
                }
            }
            assert!(Lineage::of(memory, kept.make_contiguous()) == lineage);
        }
    }

    #[test]
    fn a_lesser_memory_forgets_for_good() {
        let mut lineage = Lineage::of(Memory::default(), &(0..100).map(passing).collect::<Vec<_>>());
        lineage.set_memory(Memory { passings: 40, ..Memory::default() });
        assert!(lineage.is_whole() && lineage.iter().map(|passing| passing.epoch).eq(60..100));
        lineage.set_memory(Memory { passings: 90, revisions: 2 });
        assert!(lineage.is_whole() && lineage.iter().map(|passing| passing.revision).all(|at| at >= 31));
        lineage.set_memory(Memory { passings: 0, revisions: 0 });
        assert!(lineage.is_whole() && lineage.iter().next().is_none());
    }
}
