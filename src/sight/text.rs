//! A table as text: a line for each shard, in columns.

use std::fmt;

use crate::shard::Shard;
use crate::table::Table;

/// The shards of a table in columns, for a terminal or a log: [`Table::listing`].
#[derive(Clone, Copy, Debug)]
pub struct Listing<'t> {
    table: &'t Table,
    most: usize,
}

const HEADS: [&str; 8] = ["shard", "keys", "state", "epoch", "leader", "replicas", "number", "bytes"];
/// How many characters of a range are shown.
const RANGE: usize = 60;

impl Table {
    /// Prints the table as text, its first `most` shards in key order. O(`most`) when it is printed.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// let text = table.listing(100).to_string();
    /// assert_eq!(text.lines().nth(1).unwrap().split_whitespace().next(), Some("2"));
    /// assert_eq!(text.lines().count(), 3);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn listing(&self, most: usize) -> Listing<'_> {
        Listing { table: self, most }
    }
}

fn cells(shard: Shard<'_>) -> [String; 8] {
    let replicas: Vec<_> = shard.replicas().iter().map(|node| node.0.to_string()).collect();
    let (epoch, estimates) = (shard.epoch(), shard.estimates());
    [
        shard.id().0.to_string(),
        shortened(shard.range().to_string()),
        shard.state().to_string(),
        epoch.to_string(),
        shard.leader().0.to_string(),
        replicas.join(","),
        estimates.keys.to_string(),
        estimates.bytes.to_string(),
    ]
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(RANGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.table.shards().take(self.most).map(cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEADS[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        let line = |f: &mut fmt::Formatter<'_>, cells: [&str; 8]| {
            let padded = std::iter::zip(cells, widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        line(f, HEADS)?;
        rows.iter().try_for_each(|row| line(f, std::array::from_fn(|column| row[column].as_str())))?;
        match self.table.len().saturating_sub(rows.len()) {
            0 => Ok(()),
            1 => writeln!(f, "and one more"),
            more => writeln!(f, "and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Change, NodeId, ShardId, Table};

    #[test]
    fn columns_stand_below_each_other_and_the_rest_is_counted() {
        let whole = Table::whole(NodeId(17));
        let changes = [
            Change::split(ShardId(1), "m\n<é"),
            Change::add_replica(ShardId(2), NodeId(2)),
            Change::split(ShardId(3), "x".repeat(500)),
        ];
        let (table, _) = whole.apply(&changes).unwrap();
        let text = table.listing(2).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "a key can't break a line: {text}");
        let place = |line: &str, word: &str| {
            line.chars().collect::<String>().find(word).map(|at| line[..at].chars().count())
        };
        let leader = place(lines[0], "leader");
        assert!(lines[1..3].iter().all(|line| place(line, " 17").map(|at| at + 1) == leader), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() < 160), "{text}");
        assert_eq!(lines[3], "and one more");
        assert_eq!(Table::empty().listing(9).to_string().lines().count(), 1);
    }
}
