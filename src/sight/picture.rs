//! A table as a picture: the keyspace from left to right, a row for each node, a bar where the node leads a shard, a thin one
//! where it has a copy. How load comes to be known is the caller's business.

use std::collections::BTreeMap;
use std::fmt;

use crate::key::KeyRange;
use crate::node::NodeStatus;
use crate::shard::{NodeId, Shard};
use crate::table::{Measure, Table};

/// A table as an SVG image, which is what its `Display` writes: [`Table::picture`].
#[derive(Clone, Copy)]
pub struct Picture<'t, L> {
    table: &'t Table,
    measure: Measure,
    load: L,
}

/// How many columns there are at most, beside gaps: neighbours share one where there are more shards.
const COLUMNS: usize = 600;
/// How many gaps are shown at most.
const GAPS: usize = 200;
/// How many nodes have a row of their own; all others share one.
const ROWS: usize = 40;

const LEFT: f64 = 130.0;
const WIDTH: f64 = 1_000.0;
const TOP: f64 = 34.0;
const ROW: f64 = 22.0;

impl Table {
    /// A picture of the table: shards are as wide as they are large by `measure`, and coloured by `load`, from 0 (idle) to 1
    /// (hot); what is not a number is grey. Beyond 600 shards, neighbours share a column; beyond 40 nodes, the others share a
    /// row. O(shards) when it is printed, which calls `load` once for each; what is written is bounded.
    ///
    /// ```
    /// use shardway::{Change, Measure, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// let picture = table.picture(Measure::Shards, |shard| if shard.start().is_empty() { 0.9 } else { 0.1 });
    /// assert!(picture.to_string().starts_with("<svg"));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn picture<'t, L: Fn(Shard<'t>) -> f64>(&'t self, measure: Measure, load: L) -> Picture<'t, L> {
        Picture { table: self, measure, load }
    }
}

impl<L> fmt::Debug for Picture<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("measure", &self.measure).finish_non_exhaustive()
    }
}

/// What one node has in one column.
#[derive(Clone, Copy, Default)]
struct Part {
    led: usize,
    /// The greatest of those that are numbers.
    load: Option<f64>,
    copies: usize,
}

/// Where things stand.
struct Canvas {
    rows: BTreeMap<NodeId, usize>,
    /// How many rows, with the one that is shared.
    height: usize,
    scale: f64,
    /// What a gap weighs: as much as the shards do in the mean.
    gap: f64,
    x: f64,
}

/// Where a row begins.
fn y(row: usize) -> f64 {
    TOP + ROW * row as f64
}

impl Canvas {
    fn row(&self, node: NodeId) -> usize {
        self.rows.get(&node).copied().unwrap_or(ROWS)
    }

    /// Below all rows.
    fn bottom(&self) -> f64 {
        y(self.height.max(1))
    }

    /// From where to where the next thing of this weight stands.
    fn step(&mut self, weight: f64) -> (f64, f64) {
        let (from, width) = (self.x, weight * self.scale);
        self.x += width;
        (from, width)
    }
}

impl<'t, L: Fn(Shard<'t>) -> f64> Picture<'t, L> {
    /// At least one, so that an empty shard is seen.
    fn weight(&self, shard: Shard<'_>) -> f64 {
        self.measure.of_shard(shard).max(1) as f64
    }

    fn canvas(&self) -> Canvas {
        let known = self.table.known_nodes().map(|node| node.id);
        let mut nodes: Vec<_> = self.table.nodes().chain(known).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let shards = self.table.shards().map(|shard| self.weight(shard)).sum::<f64>();
        let gap = (shards / self.table.len().max(1) as f64).max(1.0);
        let total = shards + gap * self.table.gaps().take(GAPS).count() as f64;
        let height = nodes.len().min(ROWS + 1);
        let rows = nodes.into_iter().take(ROWS).enumerate().map(|(row, node)| (node, row)).collect();
        Canvas { rows, height, scale: WIDTH / total.max(1.0), gap, x: LEFT }
    }

    fn label_rows(&self, f: &mut fmt::Formatter<'_>, canvas: &Canvas) -> fmt::Result {
        for (id, row) in &canvas.rows {
            let address = self.table.node(*id).map_or(String::new(), |node| format!(" {}", node.address));
            let (colour, note) = match self.table.status(*id) {
                NodeStatus::Up => ("#222", ""),
                NodeStatus::Draining => ("#a60", " drains"),
                NodeStatus::Down => ("#c00", " is down"),
            };
            let title = Escaped(format!("node {}{address}{note}", id.0));
            let text = Escaped(format!("{}{note}", id.0));
            writeln!(
                f,
                r#"<text x="4" y="{:.1}" fill="{colour}"><title>{title}</title>node {text}</text>"#,
                y(*row) + 14.0
            )?;
        }
        if canvas.height > ROWS {
            writeln!(f, r##"<text x="4" y="{:.1}" fill="#222">all other nodes</text>"##, y(ROWS) + 14.0)?;
        }
        Ok(())
    }

    fn draw_gap(&self, f: &mut fmt::Formatter<'_>, canvas: &mut Canvas, gap: &KeyRange) -> fmt::Result {
        let ((x, width), height) = (canvas.step(canvas.gap), canvas.bottom() - TOP);
        let title = Escaped(format!("no owner: {gap}"));
        writeln!(
            f,
            r##"<rect class="gap" x="{x:.2}" y="{TOP}" width="{width:.2}" height="{height}" fill="#ddd"><title>{title}</title></rect>"##
        )
    }

    /// The parts of all nodes in a column of neighbours.
    fn draw_column(
        &self,
        f: &mut fmt::Formatter<'_>,
        canvas: &mut Canvas,
        shards: &[Shard<'t>],
    ) -> fmt::Result {
        let mut parts = BTreeMap::<usize, Part>::new();
        for shard in shards {
            let load = Some((self.load)(*shard)).filter(|load| !load.is_nan());
            let part = parts.entry(canvas.row(shard.leader())).or_default();
            part.led += 1;
            part.load = part.load.into_iter().chain(load).reduce(f64::max);
            for node in shard.replicas() {
                parts.entry(canvas.row(*node)).or_default().copies += 1;
            }
        }
        let (x, width) = canvas.step(shards.iter().map(|shard| self.weight(*shard)).sum());
        let name = match shards {
            [shard] => shard.to_string(),
            [first, ..] => format!("{} shards from {}", shards.len(), first.range()),
            [] => return Ok(()),
        };
        for (row, part) in parts {
            let (top, height, colour) = match part.led {
                0 => (8.0, 6.0, "#bbb".into()),
                _ => (2.0, 18.0, colour(part.load)),
            };
            let (y, title) = (y(row) + top, Escaped(self.title(&name, part)));
            writeln!(
                f,
                r#"<rect x="{x:.2}" y="{y:.1}" width="{width:.2}" height="{height}" fill="{colour}"><title>{title}</title></rect>"#
            )?;
        }
        Ok(())
    }

    fn title(&self, name: &str, part: Part) -> String {
        let load = part.load.map_or("unknown".into(), |load| format!("{load:.2}"));
        match part {
            Part { led: 0, copies, .. } => format!("{name}: {copies} copies"),
            Part { led: 1, copies: 0, .. } => format!("{name}: load {load}"),
            Part { led, copies, .. } => {
                format!("{name}: leads {led}, greatest load {load}, and {copies} copies")
            }
        }
    }
}

/// From pale to hot.
fn colour(load: Option<f64>) -> String {
    let Some(load) = load else { return "#999".into() };
    let load = load.clamp(0.0, 1.0);
    let between = |cool: f64, hot: f64| cool + (hot - cool) * load;
    let (red, green, blue) = (between(158.0, 215.0), between(202.0, 48.0), between(225.0, 31.0));
    format!("rgb({red:.0},{green:.0},{blue:.0})")
}

impl<'t, L: Fn(Shard<'t>) -> f64> fmt::Display for Picture<'t, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table;
        let mut canvas = self.canvas();
        let (width, height) = (LEFT + WIDTH + 10.0, canvas.bottom() + 10.0);
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">"#
        )?;
        let each = table.len().div_ceil(COLUMNS).max(1);
        let joined = if each > 1 { format!(", {each} in a column") } else { String::new() };
        let by = match self.measure {
            Measure::Shards => "number",
            Measure::Keys => "keys",
            Measure::Bytes => "bytes",
        };
        writeln!(
            f,
            r##"<rect width="{width}" height="{height}" fill="#fff"/><text x="4" y="18" fill="#222">revision {}, {} shards{joined}; width by {by}, colour by load</text>"##,
            table.revision(),
            table.len()
        )?;
        self.label_rows(f, &canvas)?;
        let mut gaps = table.gaps().take(GAPS).peekable();
        let mut column = Vec::with_capacity(each);
        for shard in table.shards() {
            while let Some(gap) = gaps.next_if(|gap| gap.start() < shard.start()) {
                self.draw_column(f, &mut canvas, &std::mem::take(&mut column))?;
                self.draw_gap(f, &mut canvas, &gap)?;
            }
            column.push(shard);
            if column.len() == each {
                self.draw_column(f, &mut canvas, &std::mem::take(&mut column))?;
            }
        }
        self.draw_column(f, &mut canvas, &column)?;
        gaps.try_for_each(|gap| self.draw_gap(f, &mut canvas, &gap))?;
        writeln!(f, "</svg>")
    }
}

/// Text that means nothing to XML. What XML can't hold at all is replaced.
struct Escaped(String);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                f.write_char('\u{fffd}')
            }
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{Change, KeyEnd, Node, ShardId, ShardRecord};

    fn record(id: u64, start: u32, end: u32) -> ShardRecord {
        let range = KeyRange::try_from(start.to_be_bytes()..end.to_be_bytes()).unwrap();
        ShardRecord::new(ShardId(id), range, NodeId(id % 3))
    }

    fn numbers(image: &str, of: &str, attribute: &str) -> Vec<f64> {
        let lines = image.lines().filter(|line| line.starts_with(of));
        let value =
            |line: &str| line.split(&format!(" {attribute}=\"")).nth(1)?.split('"').next()?.parse().ok();
        lines.filter_map(value).collect()
    }

    /// Each tag is closed, and nothing but tags and their text is there.
    fn expect_whole(image: &str) {
        let mut open = Vec::new();
        for part in image.split('<').skip(1) {
            let (tag, text) = part.split_once('>').expect("a tag ends");
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
                None if tag.ends_with('/') => {}
                None => open.push(name),
            }
            assert!(!text.contains('>') && text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn shards_are_as_wide_as_they_are_large_and_gaps_are_seen() {
        let mut records = vec![record(1, 0, 10), record(2, 10, 20), record(3, 30, 40)];
        for (record, keys) in records.iter_mut().zip([100, 300, 200]) {
            record.estimates.keys = keys;
        }
        let table = Table::from_records(records).unwrap();
        let asked = Cell::new(0);
        let load = |shard: Shard<'_>| {
            asked.set(asked.get() + 1);
            [0.0, f64::NAN, 7.0][usize::try_from(shard.id().0).unwrap() - 1]
        };
        let image = table.picture(Measure::Keys, load).to_string();
        expect_whole(&image);
        assert_eq!(asked.get(), 3);
        let widths = numbers(&image, "<rect x=", "width");
        assert_eq!(widths.len(), 3);
        assert!((widths[1] / widths[0] - 3.0).abs() < 0.01 && (widths[2] / widths[0] - 2.0).abs() < 0.01);
        let gaps = numbers(&image, "<rect class=", "width");
        assert_eq!(gaps.len(), 3, "before the first shard, between, and behind the last");
        assert!((widths.iter().chain(&gaps).sum::<f64>() - WIDTH).abs() < 0.1);
        for colour in ["rgb(158,202,225)", "#999", "rgb(215,48,31)"] {
            assert_eq!(image.matches(colour).count(), 1, "{colour}");
        }
    }

    #[test]
    fn names_and_keys_that_mean_something_elsewhere_mean_nothing_here() {
        let evil = "</title><script>alert(\"&\")</script>\u{1}\n";
        let (table, _) = Table::whole(NodeId(1))
            .apply(&[Change::split(ShardId(1), evil), Change::put_node(Node::new(NodeId(1), evil))])
            .unwrap();
        let image = table.picture(Measure::Bytes, |_| 0.5).to_string();
        expect_whole(&image);
        assert!(!image.contains("<script") && image.contains("&lt;script&gt;"));
        expect_whole(&Table::empty().picture(Measure::Shards, |_| 0.0).to_string());
    }

    #[test]
    fn what_is_written_is_bounded() {
        let count = if cfg!(miri) { 1_300 } else { 40_000 };
        let records = (0..count).map(|id| ShardRecord {
            leader: NodeId(u64::from(id) % 90),
            ..record(u64::from(id) + 1, id * 2, id * 2 + 1 + u32::from(id > 2_000))
        });
        let table = Table::from_records(records).unwrap();
        let image = table.picture(Measure::Shards, |shard| f64::from(shard.id().0 == 77)).to_string();
        expect_whole(&image);
        assert!(
            image.lines().count() < (COLUMNS + 2 * GAPS) * (ROWS + 1) + GAPS + 2 * ROWS,
            "{}",
            image.lines().count()
        );
        assert!(image.matches("class=\"gap\"").count() == GAPS && image.contains("all other nodes"));
        assert_eq!(
            image.matches("greatest load 1.00").count() + image.matches(": load 1.00").count(),
            1,
            "one is hot"
        );
        assert_eq!(KeyEnd::<&[u8]>::Unbounded, table.gaps().last().unwrap().end());
    }
}
