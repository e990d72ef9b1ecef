//! What does one look-up cost, on which keys, among how many shards?
//!
//! Look-ups do not depend on each other, so the processor overlaps them: the figures are throughput, and one look-up alone
//! takes longer. Tables are fresh from building, and each contender has asked the same keys right before it is timed.

use std::path::Path;

use serde_json::{Value, json};
use shardway::ShardRecord;

use crate::chart::{Chart, Folder, Line};
use crate::contender::{self, COMPARED, Contender, Kind, ROUTER, TABLE};
use crate::extent::Extent;
use crate::grid::{self, Grid, figure};
use crate::keyspace::Keyspace;
use crate::mix::Mix;
use crate::rounds::{medians, warm};
use crate::workload::keys::Queries;
use crate::workload::shards::owner;

/// One number of shards, cut at one kind of keys and asked in one way.
pub(crate) struct Cell {
    keys: &'static str,
    mix: Mix,
    pub(crate) shards: usize,
    /// How many answers of each contender were checked.
    checked: usize,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    kind: Kind,
    nanoseconds: f64,
    /// Of the answers.
    wrong: usize,
}

pub(crate) fn run(extent: &Extent, paths: Option<&Path>, folder: &Folder) -> Result<Vec<Cell>, String> {
    let mut all = Vec::new();
    for keys in Keyspace::all(paths)? {
        let mut cells = Vec::new();
        for shards in keys.sizes(extent.sizes) {
            let (records, pool) = keys.cut(shards, extent.queries);
            let mut contenders = contender::all(&records, keys.is_inline());
            let wrong = wrong_answers(&mut contenders, &records, &pool);
            for mix in extent.mixes {
                let queries = mix.of(&pool);
                let queries: Vec<_> = queries.iter().collect();
                let nanoseconds = medians(extent.rounds, &mut contenders, |contender| {
                    warm(&queries, |block| contender.pass.pass(block))
                });
                let figures = contenders.iter().zip(wrong.iter().copied().zip(nanoseconds));
                let row = |(contender, (wrong, nanoseconds)): (&Contender, _)| Row {
                    name: contender.name.clone(),
                    kind: contender.kind,
                    nanoseconds,
                    wrong,
                };
                let rows = figures.map(row).collect();
                let cell = Cell { keys: keys.name(), mix: *mix, shards, checked: pool.len(), rows };
                println!("{cell}");
                cells.push(cell);
            }
        }
        for mix in extent.mixes {
            let cells: Vec<_> = cells.iter().filter(|cell| cell.mix == *mix).collect();
            draw(keys.name(), *mix, &cells, folder)?;
        }
        all.extend(cells);
    }
    Ok(all)
}

/// How many of each contender's. No mix asks for keys that are not in the pool.
fn wrong_answers(contenders: &mut [Contender], records: &[ShardRecord], pool: &Queries) -> Vec<usize> {
    let queries: Vec<_> = pool.iter().collect();
    let right: Vec<_> = queries.iter().map(|key| Some(owner(records, key).route())).collect();
    let wrong = |contender: &mut Contender| {
        let answers = contender.pass.answers(&queries);
        answers.iter().zip(&right).filter(|(answer, right)| answer != right).count()
    };
    contenders.iter_mut().map(wrong).collect()
}

impl Cell {
    fn of(&self, name: &str) -> f64 {
        let row = self.rows.iter().find(|row| row.name == name);
        row.map_or(f64::NAN, |row| row.nanoseconds)
    }

    pub(crate) fn compared(&self) -> f64 {
        self.of(COMPARED)
    }

    /// The fastest one of these kinds that gives the right answers; of the limit, whatever they are.
    pub(crate) fn best(&self, kinds: &[Kind]) -> Option<f64> {
        let fit = |row: &&Row| kinds.contains(&row.kind) && (row.wrong == 0 || row.kind == Kind::Limit);
        self.rows.iter().filter(fit).map(|row| row.nanoseconds).min_by(f64::total_cmp)
    }

    pub(crate) fn shardway_is_right(&self) -> bool {
        self.rows.iter().all(|row| row.kind != Kind::Shardway || row.wrong == 0)
    }

    /// Whether the limit found what was asked for, and did not only look at less: on these keys it means something.
    pub(crate) fn limit_holds(&self) -> bool {
        let holds = |row: &Row| row.wrong * 100 <= self.checked;
        self.rows.iter().filter(|row| row.kind == Kind::Limit).all(holds)
    }

    pub(crate) fn name(&self) -> String {
        format!("{}, {}, {} shards", self.keys, self.mix.name(), grid::count(self.shards))
    }

    pub(crate) fn to_json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "name": row.name,
                "kind": format!("{:?}", row.kind).to_lowercase(),
                "ns": row.nanoseconds,
                "wrong": row.wrong,
            })
        };
        json!({
            "keys": self.keys,
            "mix": self.mix.name(),
            "shards": self.shards,
            "checked": self.checked,
            "contenders": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "lookup: {}", self.name())?;
        let mut grid = Grid::new(["", "ns", "to best peer", "to the limit", "wrong answers"]);
        let to = |row: &Row, kind| {
            self.best(&[kind]).map_or_else(String::new, |best| figure(row.nanoseconds / best))
        };
        for row in &self.rows {
            let wrong = if row.wrong == 0 { String::new() } else { grid::count(row.wrong) };
            grid.row([
                row.name.clone(),
                figure(row.nanoseconds),
                to(row, Kind::Peer),
                to(row, Kind::Limit),
                wrong,
            ]);
        }
        write!(f, "{grid}")?;
        let over = |name| figure(self.of(name) - self.of(TABLE));
        writeln!(f, "  over the bare table: Reader {} ns, Router {} ns", over(COMPARED), over(ROUTER))
    }
}

fn draw(keys: &str, mix: Mix, cells: &[&Cell], folder: &Folder) -> Result<(), String> {
    let Some(first) = cells.first() else { return Ok(()) };
    let line = |row: &Row| Line {
        name: row.name.clone(),
        bold: row.kind == Kind::Shardway,
        points: cells.iter().map(|cell| (cell.shards as f64, cell.of(&row.name))).collect(),
    };
    let chart = Chart {
        title: format!("One look-up: {keys} keys, {} queries", mix.name()),
        across: "shards",
        up: "ns",
        ticks: cells.iter().map(|cell| (cell.shards as f64, grid::count(cell.shards))).collect(),
        lines: first.rows.iter().map(line).collect(),
    };
    chart.write(folder, &format!("lookup-{keys}-{}.svg", mix.name()))
}
