//! What the benches share, so that each of them holds only what it asks: keys ([`keys`]), the shards that are cut at them
//! ([`shards`]), and whom shardway is measured against: maps ([`maps`]) behind what lets threads share them ([`cells`]), maps
//! that threads share as they are ([`concurrent`]), two maps for more questions ([`directory`]), and [`epoch`] as a cell.
//! [`published`] is what all have in common that can be changed while they are read, [`apart`] makes versions that differ,
//! [`by_hand`] is what one writes around a map, and [`bulk`] is how work on many shards at once is measured.

#![allow(dead_code, reason = "every bench is a program of its own and uses a part")]

pub(crate) mod apart;
pub(crate) mod bulk;
pub(crate) mod by_hand;
pub(crate) mod cells;
pub(crate) mod concurrent;
pub(crate) mod directory;
pub(crate) mod epoch;
pub(crate) mod keys;
pub(crate) mod maps;
pub(crate) mod published;
pub(crate) mod shards;

use std::env;
use std::time::Duration;

use criterion::Criterion;

/// Short runs: the cases are many, and what is read off is ratios within one run. Arguments overrule them.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .nresamples(10_000)
        .configure_from_args()
}

/// Those of `all` that this run takes. With `--test`, which only shows that a bench works, no more than
/// [`ENOUGH_TO_WORK`] shards, unless `SHARDWAY_BENCH_LARGE` is set.
pub(crate) fn sizes(all: impl IntoIterator<Item = usize>) -> impl Iterator<Item = usize> {
    let trial = env::args().any(|argument| argument == "--test");
    let all_of_them = !trial || env::var_os("SHARDWAY_BENCH_LARGE").is_some();
    all.into_iter().filter(move |size| all_of_them || *size <= ENOUGH_TO_WORK)
}

const ENOUGH_TO_WORK: usize = 10_000;
