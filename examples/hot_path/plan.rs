//! Which step a writer takes next: decided by its random numbers and by what it sees. Keeps the number of shards where it
//! was. Whether the step is accepted is not known here.

use std::collections::VecDeque;

use shardway::{Key, NodeId};

use crate::layout::{Layout, Site};
use crate::random::Random;
use crate::step::{Phase, Step};

/// One in so many steps is done in two phases.
const TWO_PHASED: u64 = 8;
/// What was begun is committed after so many more steps, so that readers meet its fence.
const FENCED_FOR: u64 = 64;
/// How far a writer looks for neighbours that match, before it tries to merge two that do not.
const REACH: usize = 64;

/// What one writer has in mind.
pub(crate) struct Planner<'k> {
    keys: &'k [Key],
    nodes: u64,
    shards: usize,
    random: Random,
    /// How many steps were asked for.
    steps: u64,
    /// What was begun, and at which step it is to be committed.
    under_way: VecDeque<(u64, Step)>,
}

impl<'k> Planner<'k> {
    /// Works towards `shards` shards.
    pub(crate) fn new(keys: &'k [Key], nodes: u64, shards: usize, random: Random) -> Self {
        Self { keys, nodes, shards, random, steps: 0, under_way: VecDeque::new() }
    }

    /// What to try next; `None` where the chosen place of the keyspace allows nothing.
    pub(crate) fn next(&mut self, layout: &impl Layout) -> Option<(Step, Phase)> {
        self.steps += 1;
        if self.under_way.front().is_some_and(|(due, _)| *due <= self.steps) {
            return self.last();
        }
        let step = self.choose(layout)?;
        let phase = if self.random.below(TWO_PHASED) == 0 { Phase::Begin } else { Phase::AtOnce };
        Some((step, phase))
    }

    /// What is left to commit when the time is over.
    pub(crate) fn last(&mut self) -> Option<(Step, Phase)> {
        self.under_way.pop_front().map(|(_, step)| (step, Phase::Commit))
    }

    /// The step was accepted as begun.
    pub(crate) fn begun(&mut self, step: Step) {
        self.under_way.push_back((self.steps + FENCED_FOR, step));
    }

    fn choose(&mut self, layout: &impl Layout) -> Option<Step> {
        let mut sites = layout.sites_from(self.random.pick(self.keys)?.as_bytes());
        if self.random.below(3) == 0 {
            Some(self.transfer(&sites.next()?))
        } else if layout.count() <= self.shards {
            self.split(&sites.next()?)
        } else {
            merge(sites)
        }
    }

    /// To any node but the one that leads it.
    fn transfer(&mut self, site: &Site<'_>) -> Step {
        let others = self.random.below(self.nodes - 1);
        Step::Transfer {
            shard: site.route.shard,
            to: NodeId((site.route.leader.0 + others) % self.nodes + 1),
        }
    }

    /// At the middle of its keys.
    fn split(&self, site: &Site<'_>) -> Option<Step> {
        let first = self.keys.partition_point(|key| key.as_bytes() < site.start);
        let end =
            site.end.map_or(self.keys.len(), |end| self.keys.partition_point(|key| key.as_bytes() < end));
        let middle = self.keys.get(first.midpoint(end)).filter(|key| site.owns(key.as_bytes()))?;
        (site.start < middle.as_bytes()).then(|| Step::Split { shard: site.route.shard, at: middle.clone() })
    }
}

/// The first two neighbours that match; if there are none near, two that do not.
fn merge<'l>(mut sites: impl Iterator<Item = Site<'l>>) -> Option<Step> {
    let mut lower = sites.next()?;
    let mut step = None;
    for upper in sites.take(REACH) {
        let matching = lower.matches(&upper);
        if matching || step.is_none() {
            step = Some(Step::Merge { lower: lower.route.shard, upper: upper.route.shard });
        }
        if matching {
            break;
        }
        lower = upper;
    }
    step
}
