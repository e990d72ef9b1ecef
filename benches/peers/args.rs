//! The command line.

use std::env::current_exe;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::extent::{Extent, FULL, QUICK, TEST};

/// Compares shardway with other routing tables: look-ups, changes, threads, memory.
///
/// Exit code: 0 if shardway gave the right answers, 1 if it did not, 2 if the arguments make no sense. A peer that is wrong
/// is shown as such.
#[derive(Parser, Debug)]
#[command(name = "peers")]
pub(crate) struct Args {
    /// A part of everything, in less than a minute
    #[arg(long)]
    quick: bool,

    /// Next to nothing: shows that it works
    #[arg(long)]
    test: bool,

    /// Only these, in the order of the list
    #[arg(long, value_name = "SECTIONS", value_delimiter = ',')]
    only: Vec<Section>,

    /// Take real keys from this file, one a line [default: the paths of the files of the Rust toolchain]
    #[arg(long, value_name = "FILE")]
    pub(crate) paths: Option<PathBuf>,

    /// Write JSON and charts to this folder; cargo starts benches in the folder of their package [default: target/peers]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// A question that can be asked for by its name.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Section {
    Lookup,
    Batch,
    Request,
    Publish,
    Transaction,
    Build,
    Contention,
    Latency,
    Memory,
    Diff,
}

impl Section {
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Args {
    pub(crate) fn extent(&self) -> Extent {
        match (self.test, self.quick) {
            (true, _) => TEST,
            (false, true) => QUICK,
            (false, false) => FULL,
        }
    }

    pub(crate) fn sections(&self) -> &[Section] {
        if self.only.is_empty() { Section::value_variants() } else { &self.only }
    }

    /// Without the argument, beside what cargo has built, wherever that is: `target/release/deps` holds this program.
    pub(crate) fn out(&self) -> Result<PathBuf, String> {
        if let Some(folder) = &self.out {
            return Ok(folder.clone());
        }
        let program = current_exe().map_err(|error| format!("can't find the target folder: {error}"))?;
        let target = program.ancestors().nth(3).ok_or("there is no target folder: name one with --out")?;
        Ok(target.join("peers"))
    }
}
