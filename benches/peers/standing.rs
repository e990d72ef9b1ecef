//! Where shardway stands over all look-ups: one figure for whom it is compared with, and the cell where it does worst.

use std::fmt;

use serde_json::{Value, json};

use crate::contender::Kind;
use crate::grid::figure;
use crate::lookup::Cell;

/// Below that everything is in the nearest caches, and nobody has a problem.
const WORTH_A_TABLE: usize = 1_000;

/// Its name, what it can be, and the cells that count.
type Rival = (&'static str, &'static [Kind], fn(&Cell) -> bool);

const RIVALS: [Rival; 4] = [
    ("best peer", &[Kind::Peer], |_| true),
    ("best peer, or tree of 16-byte keys", &[Kind::Peer, Kind::Inline], |_| true),
    ("limit", &[Kind::Limit], |_| true),
    ("limit, where it is 99 % right", &[Kind::Limit], Cell::limit_holds),
];

pub(crate) struct Standing(Vec<Against>);

/// How many times as long as shardway others take.
struct Against {
    rival: &'static str,
    mean: f64,
    least: f64,
    least_in: String,
}

impl Standing {
    pub(crate) fn of(cells: &[Cell]) -> Self {
        let cells = || cells.iter().filter(|cell| cell.shards >= WORTH_A_TABLE);
        let against = |(rival, kinds, fits): Rival| {
            let ratio = |cell: &Cell| Some(cell.best(kinds)? / cell.compared());
            let ratios: Vec<_> =
                cells().filter(|cell| fits(cell)).filter_map(|cell| Some((ratio(cell)?, cell))).collect();
            let (least, worst) = ratios.iter().min_by(|one, other| one.0.total_cmp(&other.0))?;
            let logarithms = ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>();
            let mean = (logarithms / ratios.len() as f64).exp();
            Some(Against { rival, mean, least: *least, least_in: worst.name() })
        };
        Self(RIVALS.into_iter().filter_map(against).collect())
    }

    pub(crate) fn to_json(&self) -> Value {
        let against = |against: &Against| {
            json!({
                "rival": against.rival,
                "geometric_mean": against.mean,
                "least": against.least,
                "least_in": against.least_in,
            })
        };
        self.0.iter().map(against).collect()
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "all look-ups among {WORTH_A_TABLE} shards and more")?;
        for Against { rival, mean, least, least_in } in &self.0 {
            let (mean, least) = (figure(*mean), figure(*least));
            writeln!(f, "  {rival} / shardway: geometric mean {mean}, least {least} ({least_in})")?;
        }
        Ok(())
    }
}
