//! The command line: what may be asked for, and which values make no sense. Nothing is opened or run here.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

/// Routes the keys of a real store from every core while shards split, merge and move, and checks every answer.
///
/// The keys are the paths of the files under a directory. They are cut into shards, which reader threads look up while
/// writer threads split, merge and transfer them without pause: first through shardway, then through an
/// RwLock<BTreeMap>. Each answer is checked against the table that it came from, and each final table against an
/// independent model.
///
/// Exit code: 0 if every check passed, 1 if one failed, 2 if the arguments make no sense.
#[derive(Parser, Debug)]
#[command(name = "hot_path")]
pub(crate) struct Args {
    /// Take the paths of the files under this directory as keys [default: the tree of the Rust toolchain]
    #[arg(long, value_name = "DIR", conflicts_with = "keys")]
    pub(crate) root: Option<PathBuf>,

    /// Take the keys from this file, one a line; empty lines are no keys
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,

    /// Cut the keys into so many shards, and keep about as many [default: 4000, or fewer if there are few keys]
    #[arg(long, value_name = "N", value_parser = count(1, 10_000_000))]
    pub(crate) shards: Option<usize>,

    /// Spread the shards over so many nodes
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    pub(crate) nodes: u64,

    /// Look up from so many threads [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = count(1, 1024))]
    readers: Option<usize>,

    /// Split, merge and transfer from so many threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1, 1024))]
    pub(crate) writers: usize,

    /// Let each writer rest so many microseconds after each change
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 0)]
    pause: u64,

    /// Measure each of the two contenders for so many seconds; fractions are fine
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// Decides which keys are looked up and which shards are changed, and in which order
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Write the picture, a latency curve by percentile, to this file
    #[arg(long, value_name = "FILE", default_value = "hot_path.svg")]
    pub(crate) svg: PathBuf,

    /// Print one JSON document instead of the table, and no progress
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(crate) fn readers(&self) -> usize {
        self.readers.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get))
    }

    pub(crate) fn pause(&self) -> Duration {
        Duration::from_micros(self.pause)
    }

    /// What can be seen to be wrong before the time of a run is spent.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.svg.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(format!(
                "the picture can't be written to {}: there is no such folder",
                self.svg.display()
            )),
            _ if self.svg.is_dir() => {
                Err(format!("the picture can't be written to {}: it is a folder", self.svg.display()))
            }
            _ => Ok(()),
        }
    }
}

fn count(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number")?;
    if (0.01..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it is not between 0.01 and 3600".into())
    }
}
