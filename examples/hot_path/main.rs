//! Routes the keys of a real store from every core while shards split, merge and move underneath, checks every answer, and
//! shows what that costs beside the same load on an `RwLock<BTreeMap>`: `cargo run --release --example hot_path`.
//!
//! This file is the order of events. [`args`], [`keys`] (from [`files`]) and [`shards`] say what there is to route; [`contender`] what is
//! measured, in two kinds ([`lock_free`], [`locked`]); [`load`] how, by each [`reader`] and each [`writer`]; [`judge`]
//! whether the outcome is right; [`report`] and [`chart`] what came of it.

mod args;
mod chart;
mod checks;
mod contender;
mod files;
mod judge;
mod keys;
mod latency;
mod layout;
mod load;
mod lock_free;
mod locked;
mod model;
mod plan;
mod progress;
mod random;
mod reader;
mod report;
mod requests;
mod shards;
mod step;
mod writer;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use shardway::Router;

use args::Args;
use keys::Store;
use load::Load;
use locked::Locked;
use progress::Progress;
use report::Report;

/// How many shards there are unless the arguments say otherwise.
const SHARDS: usize = 4_000;
/// How many keys each of them should have, so that there is something to split.
const KEYS_PER_SHARD: usize = 2;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Says whether every check passed.
fn run(args: &Args) -> Result<bool, String> {
    args.check()?;
    let progress = Progress::new(args.json);
    let collecting = progress.spin("collecting keys");
    let store = Store::open(args, SHARDS * KEYS_PER_SHARD)?;
    collecting.finish_and_clear();

    let load = prepare(args, &store)?;
    let run = || Ok([load.run::<Router>(&progress)?, load.run::<Locked>(&progress)?]);
    let contenders = run().map_err(|error: shardway::Error| error.to_string())?;
    chart::write(&contenders, &args.svg)?;
    let report = Report {
        origin: &store.origin,
        load: &load,
        clock: latency::clock_cost(),
        contenders: &contenders,
        svg: &args.svg,
    };
    let text = if args.json { format!("{:#}", report.to_json()) } else { report.to_string() };
    writeln!(io::stdout(), "{text}").map_err(|error| format!("can't print the report: {error}"))?;
    Ok(report.passed())
}

fn prepare<'k>(args: &Args, store: &'k Store) -> Result<Load<'k>, String> {
    let keys = &store.keys;
    let count = args.shards.unwrap_or_else(|| SHARDS.min(keys.len().div_ceil(KEYS_PER_SHARD)));
    if keys.len() < count {
        let (keys, origin) = (keys.len(), store.origin.display());
        return Err(format!("{keys} keys are too few for {count} shards: there are no more in {origin}"));
    }
    Ok(Load {
        keys,
        records: shards::cut(keys, count, args.nodes).map_err(|error| error.to_string())?,
        nodes: args.nodes,
        readers: args.readers(),
        writers: args.writers,
        time: args.seconds,
        pause: args.pause(),
        seed: args.seed,
    })
}
