//! How long does a look-up take at worst, alone and beside a writer?
//!
//! Each look-up of one reader is timed by itself, one after the other; two looks at the clock are in every figure, and what
//! they take is said. Where the writer has no core of its own, the tail is the scheduler's.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use shardway::{Router, ShardRecord};

use crate::chart::{Chart, Folder, Line};
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::threads::{self, Crew};
use crate::workload::cells::{LockedTree, ParkingTree, SwappedPersistent};
use crate::workload::keys::KeySet;
use crate::workload::published::Published;
use crate::workload::shards::{self, Targets};

/// Each with its place in the picture: one look-up in so many takes longer. The greatest comes last.
const QUANTILES: [(&str, f64, f64); 6] = [
    ("p50", 0.5, 2.0),
    ("p90", 0.9, 10.0),
    ("p99", 0.99, 1e2),
    ("p99.9", 0.999, 1e3),
    ("p99.99", 0.9999, 1e4),
    ("max", 1.0, 1e5),
];
/// Look-ups between two looks at the stop sign.
const STRIDE: usize = 64;

struct Measured {
    name: String,
    writer: bool,
    latencies: Histogram<u64>,
}

pub(crate) fn run(extent: &Extent, folder: &Folder) -> Result<Value, String> {
    let records = shards::records(KeySet::Random, extent.large);
    let queries = KeySet::Random.so_many_queries(extent.queries);
    let queries: Vec<_> = queries.iter().collect();
    let mut all = Vec::new();
    all.extend(measure::<Router>(extent, &records, &queries));
    all.extend(measure::<LockedTree>(extent, &records, &queries));
    all.extend(measure::<ParkingTree>(extent, &records, &queries));
    all.extend(measure::<SwappedPersistent>(extent, &records, &queries));

    let clock = clock_cost();
    println!("latency: {} shards; ns, of which the clock takes {clock}", grid::count(extent.large));
    let mut grid = Grid::new(["", "p50", "p90", "p99", "p99.9", "p99.99", "max", "look-ups"]);
    let mut results = Vec::new();
    for measured in &all {
        let quantiles = measured.quantiles();
        let cells = quantiles.iter().map(|(_, ns)| figure(*ns));
        let count = figure(measured.latencies.len() as f64);
        grid.row([measured.title()].into_iter().chain(cells).chain([count]));
        let named =
            QUANTILES.iter().zip(&quantiles).map(|((name, ..), (_, ns))| ((*name).into(), (*ns).into()));
        results.push(json!({
            "name": measured.name, "writer": measured.writer, "shards": extent.large, "clock_ns": clock,
            "lookups": measured.latencies.len(), "ns": Value::Object(named.collect()),
        }));
    }
    println!("{grid}");
    let chart = Chart {
        title: "Latency of one look-up, alone and beside a writer".into(),
        across: "percentile of look-ups",
        up: "ns",
        ticks: QUANTILES.map(|(name, _, place)| (place, name.into())).into(),
        lines: all.iter().map(Measured::line).collect(),
    };
    chart.write(folder, "latency.svg")?;
    Ok(results.into())
}

impl Measured {
    fn title(&self) -> String {
        format!("{}{}", self.name, if self.writer { ", writer" } else { "" })
    }

    /// With their places.
    fn quantiles(&self) -> Vec<(f64, f64)> {
        let value = |part| self.latencies.value_at_quantile(part) as f64;
        QUANTILES.iter().map(|(_, part, place)| (*place, value(*part))).collect()
    }

    fn line(&self) -> Line {
        Line { name: self.title(), bold: self.name == Router::name(), points: self.quantiles() }
    }
}

/// First alone, then beside a writer.
fn measure<P: Published>(extent: &Extent, records: &[ShardRecord], queries: &[&[u8]]) -> [Measured; 2] {
    let (shared, mut targets) = (P::of(records), Targets::of(records));
    [false, true].map(|writer| {
        let crew = Crew { readers: 1, writes: writer.then_some(&mut targets) };
        let (readers, _) = threads::run(&shared, crew, extent.recording, |_, stop| {
            let mut find = shared.finder();
            let mut latencies = histogram();
            for stride in queries.chunks(STRIDE).cycle() {
                for key in stride {
                    let began = Instant::now();
                    black_box(find(key));
                    record(&mut latencies, began.elapsed());
                }
                if stop.is_set() {
                    break;
                }
            }
            latencies
        });
        let latencies = readers.into_iter().next().expect("there is one reader");
        Measured { name: P::name(), writer, latencies }
    })
}

fn clock_cost() -> u64 {
    let mut latencies = histogram();
    for _ in 0..100_000 {
        record(&mut latencies, Instant::now().elapsed());
    }
    latencies.value_at_quantile(0.5)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000_000, 3).expect("a minute, to three digits, fits")
}

#[inline]
fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
}
