//! What does it cost to publish one change, and how does that grow with the table?
//!
//! One writer, no reader; random shards, each split, merged again, moved to another node and reported on, one publication
//! each. What a publication replaces is freed within the time that is taken. Shardway validates, and keeps epochs, versions
//! and the directories by id and by node; the peers put routes into a map, and take them out, and that is all, but for one
//! that keeps records and finds them by id. Beside them, what copying the nodes takes alone.

use std::cell::RefCell;

use serde_json::{Value, json};
use shardway::{Router, ShardRecord};

use crate::copying::Copying;
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::rounds::{each, median};
use crate::workload::cells::{ParkingTree, SwappedArchived, SwappedPersistent};
use crate::workload::directory::SwappedDirectory;
use crate::workload::keys::KeySet;
use crate::workload::published::{Published, Step};
use crate::workload::shards::{self, Target, Targets};

/// Publications that are timed as one; the middle one of all blocks counts.
const BLOCK: usize = 64;

type CarryOut = Box<dyn Fn(Step, &mut Target)>;

struct Contender {
    name: String,
    targets: Targets,
    carry_out: CarryOut,
}

impl Contender {
    fn of<P: Published + 'static>(records: &[ShardRecord]) -> Self {
        let shared = P::of(records);
        let carry_out: CarryOut = Box::new(move |step, target| shared.carry_out(step, target));
        Self { name: P::name(), targets: Targets::of(records), carry_out }
    }

    fn limit(records: &[ShardRecord]) -> Self {
        let copying = RefCell::new(Copying::of(records.len()));
        let carry_out: CarryOut = Box::new(move |_, target| copying.borrow_mut().carry_out(target.record.id));
        Self { name: "limit: copying alone".into(), targets: Targets::of(records), carry_out }
    }

    fn turn(&mut self, step: Step, count: usize) -> f64 {
        let targets = self.targets.first(count);
        let blocks = targets.chunks_mut(BLOCK).map(|block| {
            each(block.len(), || block.iter_mut().for_each(|target| (self.carry_out)(step, target)))
        });
        median(blocks.collect())
    }
}

/// By the contender, then by the step.
type Figures = Vec<[f64; Step::ALL.len()]>;

pub(crate) fn run(extent: &Extent) -> Value {
    let mut results = Vec::new();
    let mut shardway = Vec::new();
    for count in extent.publish_sizes {
        let (names, figures) = measure(extent, *count);
        println!("publish: {} shards", grid::count(*count));
        let mut grid = Grid::new(["ns; to shardway", "split", "", "merge", "", "transfer", "", "report", ""]);
        for (name, steps) in names.iter().zip(&figures) {
            let ratios = steps.iter().zip(&figures[0]).map(|(peer, own)| peer / own);
            let cells = steps.iter().zip(ratios).flat_map(|(ns, ratio)| [figure(*ns), figure(ratio)]);
            grid.row([name.clone()].into_iter().chain(cells));
            for (step, ns) in Step::ALL.iter().zip(steps) {
                results.push(json!({ "name": name, "shards": count, "step": step.name(), "ns": ns }));
            }
        }
        println!("{grid}");
        shardway.push(figures[0]);
    }
    if let ([least, .., most], [first, .., last]) = (extent.publish_sizes, &shardway[..]) {
        println!("publish: shardway, {} shards to {}", grid::count(*most), grid::count(*least));
        let ratios = Step::ALL.iter().zip(last.iter().zip(first));
        let ratios = ratios.map(|(step, (last, first))| format!("{} {}", step.name(), figure(last / first)));
        println!("  {}\n", ratios.collect::<Vec<_>>().join(", "));
    }
    results.into()
}

fn measure(extent: &Extent, count: usize) -> (Vec<String>, Figures) {
    let records = shards::records(KeySet::Random, count);
    let mut contenders = [
        Contender::of::<Router>(&records),
        Contender::of::<SwappedPersistent>(&records),
        Contender::of::<SwappedArchived>(&records),
        Contender::of::<SwappedDirectory>(&records),
        Contender::of::<ParkingTree>(&records),
        Contender::limit(&records),
    ];
    let mut turns = contenders.each_ref().map(|_| Step::ALL.map(|_| Vec::new()));
    for _ in 0..extent.rounds {
        for (contender, turns) in contenders.iter_mut().zip(&mut turns) {
            // The others have emptied the caches.
            for step in Step::ALL {
                contender.turn(step, extent.publications);
            }
            for (step, turns) in Step::ALL.iter().zip(turns) {
                turns.push(contender.turn(*step, extent.publications));
            }
        }
    }
    let figures = turns.into_iter().map(|steps| steps.map(median)).collect();
    (contenders.into_iter().map(|contender| contender.name).collect(), figures)
}
