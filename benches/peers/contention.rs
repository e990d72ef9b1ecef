//! Do readers get in each other's way, or in the writer's?
//!
//! Look-ups a second over all readers. Where there are fewer cores than threads, they share them: then two readers beside a
//! writer can't be told from a shortage of cores, and one reader beside a writer is the fairer figure.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use shardway::{Router, ShardRecord};

use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::median;
use crate::threads::{self, Crew};
use crate::workload::cells::{LockedTree, ParkingTree, SwappedPersistent};
use crate::workload::keys::KeySet;
use crate::workload::published::Published;
use crate::workload::shards::{self, Targets};

/// How many readers, and whether there is a writer.
const CREWS: [(usize, bool, &str); 4] = [
    (1, false, "1 reader"),
    (2, false, "2 readers"),
    (1, true, "1 reader, writer"),
    (2, true, "2 readers, writer"),
];
/// Look-ups between two looks at the stop sign.
const STRIDE: usize = 64;

/// Of one crew, by the round.
#[derive(Default, Clone)]
struct Rates {
    lookups: Vec<f64>,
    publications: Vec<f64>,
}

type Turn<'t> = Box<dyn FnMut(usize, bool) -> (f64, f64) + 't>;

pub(crate) fn run(extent: &Extent) -> Value {
    let records = shards::records(KeySet::Random, extent.large);
    let queries = KeySet::Random.so_many_queries(extent.queries);
    let queries: Vec<_> = queries.iter().collect();
    let mut contenders = [
        contender::<Router>(extent, &records, &queries),
        contender::<LockedTree>(extent, &records, &queries),
        contender::<ParkingTree>(extent, &records, &queries),
        contender::<SwappedPersistent>(extent, &records, &queries),
    ];
    let mut rates = vec![vec![Rates::default(); CREWS.len()]; contenders.len()];
    for _ in 0..extent.rounds {
        for ((_, turn), rates) in contenders.iter_mut().zip(&mut rates) {
            for ((readers, writer, _), rates) in CREWS.iter().zip(rates) {
                let (lookups, publications) = turn(*readers, *writer);
                rates.lookups.push(lookups);
                rates.publications.push(publications);
            }
        }
    }

    println!("contention: {} shards; millions of look-ups a second", grid::count(extent.large));
    println!("  (beside a writer: and thousands of publications a second)");
    let mut grid = Grid::new(["", CREWS[0].2, CREWS[1].2, CREWS[2].2, CREWS[3].2]);
    let mut results = Vec::new();
    for ((name, _), rates) in contenders.iter().zip(rates) {
        let mut cells = vec![name.clone()];
        for ((_, writer, crew), rates) in CREWS.iter().zip(rates) {
            let (lookups, publications) = (median(rates.lookups), median(rates.publications));
            let published =
                if *writer { format!(" ({})", figure(publications / 1e3)) } else { String::new() };
            cells.push(figure(lookups / 1e6) + &published);
            results.push(json!({
                "name": name, "shards": extent.large, "crew": crew,
                "lookups_per_second": lookups, "publications_per_second": publications,
            }));
        }
        grid.row(cells);
    }
    println!("{grid}");
    results.into()
}

fn contender<'t, P: Published + 't>(
    extent: &Extent,
    records: &[ShardRecord],
    queries: &'t [&[u8]],
) -> (String, Turn<'t>) {
    let (shared, mut targets, span) = (P::of(records), Targets::of(records), extent.span);
    let turn = move |readers, writer: bool| {
        // The crew before was another one's, and has left the caches full of its own.
        let mut find = shared.finder();
        for key in queries {
            black_box(find(key));
        }
        let crew = Crew { readers, writes: writer.then_some(&mut targets) };
        let (lookups, publications) = threads::run(&shared, crew, span, |number, stop| {
            let mut find = shared.finder();
            let mut count = 0_u32;
            let began = Instant::now();
            // Readers are apart, so that none fetches lines for another.
            let from = queries.len() / 2 * number;
            for strides in queries[from..].chunks(STRIDE).chain(queries.chunks(STRIDE).cycle()) {
                for key in strides {
                    black_box(find(key));
                    count += 1;
                }
                if stop.is_set() {
                    break;
                }
            }
            f64::from(count) / began.elapsed().as_secs_f64()
        });
        (lookups.into_iter().sum(), publications)
    };
    (P::name(), Box::new(turn))
}
