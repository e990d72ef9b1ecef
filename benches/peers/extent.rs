//! How much is measured: everything, a part of it, or as much as shows that it works.

use std::time::Duration;

use crate::mix::Mix;

#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Numbers of shards that keys are looked up among.
    pub(crate) sizes: &'static [usize],
    pub(crate) mixes: &'static [Mix],
    /// Keys that each contender is asked in a round.
    pub(crate) queries: usize,
    pub(crate) rounds: usize,
    /// Numbers of shards that changes are published among.
    pub(crate) publish_sizes: &'static [usize],
    /// Publications of a kind in a round.
    pub(crate) publications: usize,
    /// Shards, where one large table will do.
    pub(crate) large: usize,
    /// In one transaction.
    pub(crate) changes: usize,
    /// How long threads are let run, once.
    pub(crate) span: Duration,
    /// How long the latencies of one reader are recorded.
    pub(crate) recording: Duration,
}

pub(crate) const FULL: Extent = Extent {
    sizes: &[100, 1_000, 10_000, 100_000, 1_000_000],
    mixes: &[Mix::Uniform, Mix::Zipf, Mix::Sequential],
    queries: 1 << 18,
    rounds: 5,
    publish_sizes: &[1_000, 10_000, 100_000, 1_000_000],
    publications: 1 << 13,
    large: 1_000_000,
    changes: 10_000,
    span: Duration::from_millis(500),
    recording: Duration::from_secs(4),
};

pub(crate) const QUICK: Extent = Extent {
    sizes: &[1_000, 100_000],
    mixes: &[Mix::Uniform, Mix::Zipf],
    queries: 1 << 15,
    rounds: 3,
    publish_sizes: &[1_000, 100_000],
    publications: 1 << 11,
    large: 100_000,
    changes: 10_000,
    span: Duration::from_millis(60),
    recording: Duration::from_millis(400),
};

pub(crate) const TEST: Extent = Extent {
    sizes: &[100],
    mixes: &[Mix::Uniform, Mix::Zipf, Mix::Sequential],
    queries: 1 << 9,
    rounds: 1,
    publish_sizes: &[100],
    publications: 50,
    large: 2_000,
    changes: 100,
    span: Duration::from_millis(5),
    recording: Duration::from_millis(10),
};
