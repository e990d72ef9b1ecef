//! What the fuzz targets ask, asked of random bytes, of their seeds, and of every input that was ever a bug. A reproducer
//! becomes a test by `fuzz/keep TARGET FILE`, which puts it into `tests/reproducers`.

#![cfg(feature = "serde")]

mod checks;
mod dense;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// Runs every file of a folder that has one folder for each question, and says how many each had.
fn replay(folder: &str) -> [usize; checks::ALL.len()] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    checks::ALL.map(|(question, check)| {
        let files = fs::read_dir(folder.join(question)).into_iter().flatten();
        files.map(|file| check(&fs::read(file.unwrap().path()).unwrap())).count()
    })
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn what_was_a_bug_stays_mended() {
    assert!(replay("tests/reproducers").iter().sum::<usize>() > 0);
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn seeds_pass() {
    assert!(replay("fuzz/seeds").iter().all(|seeds| *seeds > 0));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 96 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn keys_and_ranges_relate_as_bytes_do(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        checks::keys::run(&bytes);
    }

    #[test]
    fn hostile_bytes_are_refused_or_sound(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        checks::image::run(&bytes);
    }

    #[test]
    fn differences_are_complete(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::diff::run(&bytes);
    }

    #[test]
    fn deltas_lead_where_they_say(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::deltas::run(&bytes);
    }

    #[test]
    fn tokens_are_judged_by_their_points(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::tokens::run(&bytes);
    }

    #[test]
    fn caches_know_what_is_newest(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        checks::cache::run(&bytes);
    }

    #[test]
    fn batches_and_scans_are_look_ups(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        checks::batch::run(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 12 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn long_runs_change_as_the_model_does(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        checks::bulk::run(&bytes);
    }
}

/// So that scripts do come to tables of several levels, and back.
#[test]
fn long_runs_reach_several_levels_and_one() {
    let bytes =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/bulk/grow_and_shrink")).unwrap();
    let mut script = dense::script::Script::new(&bytes);
    let mut grown = checks::bulk::Grown::new(&mut script);
    let mut sizes = Vec::new();
    while !script.is_over() {
        grown.change(&mut script);
        sizes.push(grown.table.len());
    }
    let (leaf, inner) = (48, 24);
    let top =
        sizes.iter().position(|size| *size > leaf * inner).expect("more than fits under one inner node");
    assert!(sizes[top..].iter().any(|size| *size < leaf), "{sizes:?}");
}
