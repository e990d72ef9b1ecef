//! The figures, for people as a table and for machines as JSON. How they came about is not known here.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use crate::latency::Latencies;
use crate::load::{Load, Measured};
use crate::reader::ONE_TIMED_IN;

/// The parts of all lookups whose latency is reported.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// All that there is to say about one run of the program.
pub(crate) struct Report<'r> {
    pub(crate) origin: &'r Path,
    pub(crate) load: &'r Load<'r>,
    /// Nanoseconds that two looks at the clock take.
    pub(crate) clock: u64,
    pub(crate) contenders: &'r [Measured],
    pub(crate) svg: &'r Path,
}

impl Report<'_> {
    pub(crate) fn passed(&self) -> bool {
        self.contenders.iter().all(|measured| measured.checks.failed() == 0)
    }

    pub(crate) fn to_json(&self) -> Value {
        let load = self.load;
        json!({
            "passed": self.passed(),
            "origin": self.origin.to_string_lossy(),
            "keys": load.keys.len(),
            "shards": load.records.len(),
            "nodes": load.nodes,
            "readers": load.readers,
            "writers": load.writers,
            "seconds": load.time.as_secs_f64(),
            "pause_us": load.pause.as_secs_f64() * 1e6,
            "seed": load.seed,
            "clock_ns": self.clock,
            "contenders": self.contenders.iter().map(contender_to_json).collect::<Vec<_>>(),
            "svg": self.svg.to_string_lossy(),
        })
    }
}

fn contender_to_json(measured: &Measured) -> Value {
    json!({
        "name": measured.name,
        "lookups_per_second": measured.lookups_per_second,
        "lookup_ns": latencies_to_json(&measured.lookups),
        "publishes_per_second": measured.publishes_per_second,
        "publish_ns": latencies_to_json(&measured.publishes),
        "refused_changes": measured.refused,
        "fenced_answers": measured.fenced,
        "overwritten_answers": measured.overwritten,
        "shards_at_the_end": measured.shards,
        "checks_passed": measured.checks.passed(),
        "checks_failed": measured.checks.failed(),
        "first_failures": measured.checks.first_failures(),
    })
}

fn latencies_to_json(latencies: &Latencies) -> Value {
    let quantiles = QUANTILES.map(|(name, part)| (name.to_owned(), latencies.quantile(part).into()));
    let others = [("greatest", latencies.greatest()), ("count", latencies.count())];
    let others = others.map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(quantiles.into_iter().chain(others).collect())
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = self.load;
        writeln!(
            f,
            "{} of {} in {} over {} nodes; {} and {} for {} s each\n",
            several(load.keys.len(), "key"),
            self.origin.display(),
            several(load.records.len(), "shard"),
            load.nodes,
            several(load.readers, "reader"),
            several(load.writers, "writer"),
            load.time.as_secs_f64(),
        )?;
        self.table(f)?;
        self.notes(f)?;
        self.verdict(f)
    }
}

impl Report<'_> {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |value: f64| grouped(format!("{value:.0}"));
        self.row(f, "", |measured| measured.name.into())?;
        self.row(f, "lookups per second", |measured| whole(measured.lookups_per_second))?;
        self.latencies(f, "one lookup", |measured| &measured.lookups)?;
        self.row(f, "publishes per second", |measured| whole(measured.publishes_per_second))?;
        self.latencies(f, "one publish", |measured| &measured.publishes)?;
        self.row(f, "changes refused", |measured| grouped(measured.refused))?;
        self.row(f, "writes refused by a fence", |measured| grouped(measured.fenced))?;
        self.row(f, "shards at the end", |measured| grouped(measured.shards))?;
        self.row(f, "checks passed", |measured| grouped(measured.checks.passed()))?;
        self.row(f, "checks failed", |measured| grouped(measured.checks.failed()))?;
        self.row(f, "answers checked in part", |measured| grouped(measured.overwritten))
    }

    fn latencies(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        of: impl Fn(&Measured) -> &Latencies,
    ) -> fmt::Result {
        for (name, part) in QUANTILES {
            self.row(f, &format!("  {what}, {name}"), |measured| time(of(measured).quantile(part)))?;
        }
        self.row(f, &format!("  {what}, greatest"), |measured| time(of(measured).greatest()))
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, cell: impl Fn(&Measured) -> String) -> fmt::Result {
        write!(f, "{name:<28}")?;
        self.contenders.iter().try_for_each(|measured| write!(f, "{:>18}", cell(measured)))?;
        writeln!(f)
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nLookups per second: all readers together, back to back, without their checks.")?;
        writeln!(
            f,
            "One lookup in {ONE_TIMED_IN} is timed by itself; {} of that is the clock.",
            time(self.clock)
        )?;
        writeln!(f, "The greatest latencies include the time for which the scheduler sets a thread aside.")?;
        writeln!(f, "An answer is checked in part if its table is gone and its shard has changed since.")?;
        writeln!(f, "\npicture: {}", self.svg.display())
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for measured in self.contenders {
            for failure in measured.checks.first_failures() {
                writeln!(f, "{}: {failure}", measured.name)?;
            }
        }
        write!(f, "{}", if self.passed() { "every check passed" } else { "CHECKS FAILED" })
    }
}

/// A whole number with its digits in threes.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn several(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Nanoseconds, in the unit that suits.
pub(crate) fn time(nanoseconds: u64) -> String {
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)];
    match units.into_iter().find(|(_, unit)| nanoseconds >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", nanoseconds / unit, nanoseconds % unit * 10 / unit),
        None => format!("{nanoseconds} ns"),
    }
}
