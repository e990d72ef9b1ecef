//! How many instructions do the main operations take? Wall time on a shared machine says little of a change of a few per
//! cent; instructions, counted by callgrind, are the same every time.
//!
//! Run by `.ci/instructions`, which compares the counts with those in `benches/instructions.txt`. By itself
//! (`cargo bench --bench instructions`) it carries every operation out and prints how often, and that is all. What callgrind
//! counts is what happens in [`measured`]: setting up comes before it, and what is made in it is dropped behind it.

mod workload;

use std::env;
use std::hint::black_box;

use shardway::{Change, Load, NodeId, Router, ShardRecord, Table};

use workload::keys::{KeySet, Queries};
use workload::shards::{self, Target, Targets};

const SHARDS: usize = 10_000;
const LOOKUPS: usize = 4_096;
const BATCH: usize = 64;
const PUBLISHED: usize = 256;
const TRANSACTION: usize = 1_000;
const DIFFERENT: usize = 10;

/// Carries an operation out, and says how often.
type Operation = fn() -> usize;

const OPERATIONS: [(&str, Operation); 14] = [
    ("lookup_random", || look_up(KeySet::Random)),
    ("lookup_table_row", || look_up(KeySet::TableRow)),
    ("lookup_text", || look_up(KeySet::Text)),
    ("lookup_tracked", look_up_tracked),
    ("batch_random", batch),
    ("by_id", by_id),
    ("totals", totals),
    ("split", || publish(|router, target| drop(router.split(target.record.id, &target.middle)))),
    ("merge", merge),
    ("transfer", || publish(|router, target| drop(router.transfer(target.record.id, NodeId(1_000))))),
    ("report", || publish(|router, target| drop(router.apply(report(target))))),
    ("transaction", transaction),
    ("build", build),
    ("diff", diff),
];

/// Carries out the operation that is named, or all, and prints how often.
fn main() {
    let named: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, run) in OPERATIONS {
        if named.is_empty() || named.iter().any(|other| other == name) {
            println!("{name} {}", run());
        }
    }
}

/// What is counted: callgrind goes by the name of the function.
#[inline(never)]
fn measured(run: &mut dyn FnMut()) {
    run();
}

fn records() -> Vec<ShardRecord> {
    shards::records(KeySet::Random, SHARDS)
}

fn asked(keys: KeySet) -> Queries {
    keys.so_many_queries(LOOKUPS)
}

fn look_up(keys: KeySet) -> usize {
    let router = shards::router(&shards::records(keys, SHARDS));
    let (mut reader, asked) = (router.reader(), asked(keys));
    measured(&mut || {
        for key in asked.iter() {
            black_box(reader.resolve(key).is_ok());
        }
    });
    asked.len()
}

/// As `lookup_random`, and each request is counted.
fn look_up_tracked() -> usize {
    let router = shards::router(&records());
    let (mut reader, asked) = (router.reader(), asked(KeySet::Random));
    let mut tracker = Load::default().tracker(1);
    // The first time it finds room for its shards.
    for is_warm in [false, false, false, true] {
        let keys: Vec<&[u8]> = asked.iter().collect();
        let mut run = || {
            for key in &keys {
                if let Ok(route) = reader.resolve(key) {
                    tracker.count(route.shard, key, 128);
                }
            }
        };
        if is_warm { measured(&mut run) } else { run() }
    }
    asked.len()
}

fn batch() -> usize {
    let router = shards::router(&records());
    let asked = asked(KeySet::Random);
    let keys: Vec<&[u8]> = asked.iter().collect();
    let (mut reader, mut answers) = (router.reader(), Vec::with_capacity(BATCH));
    measured(&mut || {
        for keys in keys.chunks(BATCH) {
            reader.resolve_many(keys, &mut answers);
            black_box(&answers);
        }
    });
    keys.len()
}

fn by_id() -> usize {
    let table = shards::table(&records());
    let mut targets = Targets::of(&records());
    let targets = targets.first(LOOKUPS);
    measured(&mut || {
        for target in &*targets {
            black_box(table.shard(target.record.id));
        }
    });
    targets.len()
}

fn totals() -> usize {
    let table = shards::table(&records());
    let asked = asked(KeySet::Random);
    let keys: Vec<&[u8]> = asked.iter().collect();
    measured(&mut || {
        for pair in keys.chunks_exact(2) {
            let (from, to) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            black_box(table.totals(from..to));
        }
    });
    keys.len() / 2
}

/// One publication for each of some random shards, with what it frees of those before.
fn publish(mut step: impl FnMut(&Router, &mut Target)) -> usize {
    let router = shards::router(&records());
    let mut targets = Targets::of(&records());
    let targets = targets.first(PUBLISHED);
    let before = router.revision();
    measured(&mut || targets.iter_mut().for_each(|target| step(&router, target)));
    published(before, &router)
}

fn published(before: u64, router: &Router) -> usize {
    let published = usize::try_from(router.revision() - before).expect("few");
    assert_eq!(published, PUBLISHED, "each of them publishes");
    published
}

fn merge() -> usize {
    let router = shards::router(&records());
    let mut targets = Targets::of(&records());
    let halves: Vec<_> = targets
        .first(PUBLISHED)
        .iter()
        .map(|target| router.split(target.record.id, &target.middle).expect("it can be split"))
        .collect();
    let before = router.revision();
    measured(&mut || halves.iter().for_each(|halves| drop(router.merge(halves.lower, halves.upper))));
    published(before, &router)
}

fn report(target: &mut Target) -> Change {
    target.record.estimates.keys += 1;
    Change::report(target.record.id, target.record.estimates)
}

fn splits(count: usize) -> Vec<Change> {
    let mut targets = Targets::of(&records());
    targets.first(count).iter().map(|target| Change::split(target.record.id, &target.middle)).collect()
}

fn transaction() -> usize {
    let (table, changes) = (shards::table(&records()), splits(TRANSACTION));
    let mut made = None;
    measured(&mut || made = table.apply(&changes).ok());
    assert!(made.is_some_and(|(table, _)| table.len() == SHARDS + TRANSACTION));
    TRANSACTION
}

fn build() -> usize {
    let mut records = Some(records());
    let mut made = None;
    measured(&mut || made = Table::from_records(records.take().unwrap_or_default()).ok());
    made.map_or(0, |table| table.len())
}

fn diff() -> usize {
    let old = shards::table(&records());
    let (new, _) = old.apply(&splits(DIFFERENT)).expect("they can be split");
    let mut found = 0;
    measured(&mut || found = old.diff(&new).count());
    assert_eq!(found, 2 * DIFFERENT, "of each split one half starts where the parent did");
    DIFFERENT
}
