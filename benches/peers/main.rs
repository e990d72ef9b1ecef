//! How does shardway compare with what one would take otherwise, in every respect that anyone chooses by?
//!
//! `cargo bench --bench peers` measures everything, by estimate in 20 minutes; with `-- --quick` a part, in less than one;
//! with `-- --test` next to nothing. `-- --only lookup,memory` picks questions, `-- --help` says what else there is. Tables go to
//! the terminal, and the same as JSON and as charts to a folder.
//!
//! All that is compared is measured in one process and takes turns, round by round. A turn is timed in short blocks; what
//! counts is its middle block, and of all turns the middle one. So a machine that slows down slows down everybody, a neighbour
//! that takes the core for a while is outvoted, and ratios hold where nanoseconds do not.
//!
//! This file is the order of events. [`args`] and [`extent`] say what to measure; [`keyspace`] (with [`files`], which an example has) and [`mix`] on which keys;
//! [`contender`] whom, [`limit`] and [`copying`] being those that nobody can catch up with; [`rounds`] and [`threads`] how. Each question
//! is a module: [`lookup`], [`batch`], [`request`], [`publish`], [`transaction`], [`build`], [`contention`], [`latency`], [`memory`]
//! (which [`counting`] makes possible), [`diff`]. [`grid`], [`chart`] and [`standing`] show what came of it, and
//! [`machine`] says where.

mod args;
mod batch;
mod build;
mod chart;
mod contender;
mod contention;
mod copying;
mod counting;
mod diff;
mod extent;
#[path = "../../examples/hot_path/files.rs"]
mod files;
mod grid;
mod keyspace;
mod latency;
mod limit;
mod lookup;
mod machine;
mod memory;
mod mix;
mod publish;
mod request;
mod rounds;
mod standing;
mod threads;
mod transaction;
#[path = "../workload/mod.rs"]
mod workload;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde_json::{Map, Value};

use args::{Args, Section};
use chart::Folder;

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

/// Says whether shardway gave the right answers.
fn run(args: &Args) -> Result<bool, String> {
    let began = Instant::now();
    let extent = args.extent();
    let folder = Folder::open(args.out()?)?;
    let mut results = Map::new();
    let mut right = true;
    results.insert("machine".into(), machine::line().into());
    println!("{}\n", machine::line());

    let mut standing = None;
    for section in args.sections() {
        let result = match section {
            Section::Lookup => {
                let cells = lookup::run(&extent, args.paths.as_deref(), &folder)?;
                right = cells.iter().all(lookup::Cell::shardway_is_right);
                let result = cells.iter().map(lookup::Cell::to_json).collect();
                standing = Some(standing::Standing::of(&cells));
                result
            }
            Section::Batch => batch::run(&extent),
            Section::Request => request::run(&extent),
            Section::Publish => publish::run(&extent),
            Section::Transaction => transaction::run(&extent),
            Section::Build => build::run(&extent),
            Section::Contention => contention::run(&extent),
            Section::Latency => latency::run(&extent, &folder)?,
            Section::Memory => memory::run(&extent),
            Section::Diff => diff::run(&extent),
        };
        results.insert(section.name(), result);
    }
    if let Some(standing) = standing {
        println!("{standing}");
        results.insert("standing".into(), standing.to_json());
    }
    let file = folder.path("peers.json");
    let text = format!("{:#}\n", Value::Object(results));
    fs::write(&file, text).map_err(|error| format!("can't write {}: {error}", file.display()))?;
    println!("{}", machine::line());
    println!(
        "{:.0} s; figures and charts are in {}",
        began.elapsed().as_secs_f64(),
        folder.path("").display()
    );
    Ok(right)
}
