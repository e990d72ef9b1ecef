//! Walks over several ranges at once, that stop where the caller likes and can be taken up again. Walks over one are in
//! [`scan`](super::scan), walks that take gaps for errors in [`strict`](super::strict).

use std::fmt;
use std::iter::FusedIterator;
use std::vec;

use super::strict::StrictScan;
use super::{Shards, Table};
use crate::error::Error;
use crate::key::{AsKeyRange, KeyEnd, KeyRange};
use crate::shard::Shard;

/// Which way to walk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From low keys to high ones.
    Forward,
    /// From high keys to low ones.
    Backward,
}

use Direction::{Backward, Forward};

impl Table {
    /// Every shard that owns a key of any of these ranges, each once, in key order or against it, however the ranges
    /// are ordered and overlap. Gaps are passed over, unless the scan is made [`strict`](Scan::strict).
    ///
    /// A limit is a matter of `by_ref().take(limit)`, and then [`Scan::rest`] says where to continue: in this table or
    /// in a later one, here or on another machine.
    ///
    /// O(ranges log ranges) to begin with, and the only allocation; then O(log n) a range and O(1) a shard.
    ///
    /// The idea of several ranges with a limit, strict or not, is that of PD's `BatchScanRegions`.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyRange`] for a range that holds no key: who asks for several has made a mistake, and a strict scan
    /// would call it covered.
    ///
    /// ```
    /// use shardway::{Direction, KeyRange, Naming, Change, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let first = table.resolve("")?.shard;
    /// let cuts = ["f", "m", "t"].map(|at| Change::split_naming(first, at, Naming::KeepUpper));
    /// let (table, _) = table.apply(&cuts)?;
    ///
    /// let ranges = ["a".."c", "e".."n", "w".."z"];
    /// let mut scan = table.scan(&ranges, Direction::Forward)?;
    /// assert_eq!(scan.by_ref().take(2).map(|shard| shard.start()).collect::<Vec<_>>(), [&b""[..], b"f"]);
    /// let rest = scan.rest(); // goes back to the client, with the page
    /// assert_eq!(rest, [KeyRange::try_from("m".."n")?, KeyRange::try_from("w".."z")?]);
    /// assert_eq!(table.scan(&rest, Direction::Forward)?.count(), 2);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn scan<'t: 'k, 'k, R: AsKeyRange>(
        &'t self,
        ranges: &'k [R],
        direction: Direction,
    ) -> Result<Scan<'t, 'k>, Error> {
        let parts = ranges.iter().map(|range| KeyRange::new(range.start(), range.end()));
        let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
        join(&mut parts);
        Ok(Scan {
            table: self,
            direction,
            parts: parts.into_iter(),
            open: None,
            shards: self.range(""..""),
            met: None,
        })
    }
}

/// Brings ranges in order and makes one of those that overlap or touch.
fn join(parts: &mut Vec<KeyRange<&[u8]>>) {
    parts.sort_unstable_by_key(|part| part.first_key());
    parts.dedup_by(|next, part| {
        let meets = part.key_end() >= KeyEnd::At(next.first_key());
        if meets {
            *part = KeyRange::between(part.first_key(), part.key_end().max(next.key_end()));
        }
        meets
    });
}

/// Shards of several ranges, each once, in one direction. Made by [`Table::scan`].
#[derive(Clone)]
pub struct Scan<'t, 'k> {
    table: &'t Table,
    direction: Direction,
    /// What is asked for after `open`: apart from each other, in key order.
    parts: vec::IntoIter<KeyRange<&'k [u8]>>,
    /// What is still to come of the range under way.
    open: Option<KeyRange<&'k [u8]>>,
    /// Shards of `open` that were not met yet.
    shards: Shards<'t>,
    /// The next shard, where a gap comes before it.
    met: Option<Shard<'t>>,
}

/// What comes next in the keyspace.
pub(super) enum Piece<'t, 'k> {
    Shard(Shard<'t>),
    Gap(KeyRange<&'k [u8]>),
}

impl<'t: 'k, 'k> Scan<'t, 'k> {
    /// The same scan, which takes a gap for an error that names it, and ends there.
    #[must_use]
    pub fn strict(self) -> StrictScan<'t, 'k> {
        StrictScan { scan: self, has_failed: false }
    }

    /// What was asked for and is still to come: apart from each other, in key order. No shard that was given owns a key
    /// of it, and nothing is left at the end. To scan it continues this scan, also backward and in a later table: there
    /// a shard that has taken over keys from both sides comes again.
    #[must_use]
    pub fn rest(&self) -> Vec<KeyRange> {
        let (before, after) = match self.direction {
            Forward => (self.open, None),
            Backward => (None, self.open),
        };
        let all = before.into_iter().chain(self.parts.as_slice().iter().copied()).chain(after);
        all.map(|part| part.to_key_range()).collect()
    }

    /// What comes next. A gap stays the next piece until it is passed.
    pub(super) fn piece(&mut self) -> Option<Piece<'t, 'k>> {
        let part = self.part()?;
        let met = self.met.take().or_else(|| match self.direction {
            Forward => self.shards.next(),
            Backward => self.shards.next_back(),
        });
        let Some(shard) = met else { return Some(Piece::Gap(part)) };
        let gap = match self.direction {
            Forward => range(part.first_key(), KeyEnd::At(shard.start())),
            Backward => match shard.end() {
                KeyEnd::At(end) => range(end, part.key_end()),
                KeyEnd::Unbounded => None,
            },
        };
        if let Some(gap) = gap {
            self.met = Some(shard);
            return Some(Piece::Gap(gap));
        }
        self.pass(shard.range());
        Some(Piece::Shard(shard))
    }

    /// What is still to come of the range under way, or of the next one.
    fn part(&mut self) -> Option<KeyRange<&'k [u8]>> {
        if self.open.is_none() {
            let part = match self.direction {
                Forward => self.parts.next(),
                Backward => self.parts.next_back(),
            }?;
            self.shards = self.table.range(part);
            self.open = Some(part);
        }
        self.open
    }

    /// Asks no more for what is passed, nor for what lies before it.
    fn pass(&mut self, passed: KeyRange<&'k [u8]>) {
        let direction = self.direction;
        self.open = self.open.and_then(|part| beyond(part, passed, direction));
        // A shard may own keys of several ranges.
        while self.open.is_none() {
            let parts = self.parts.as_mut_slice();
            let next = match direction {
                Forward => parts.first_mut(),
                Backward => parts.last_mut(),
            };
            let Some(next) = next else { break };
            if let Some(part) = beyond(*next, passed, direction) {
                *next = part;
                break;
            }
            match direction {
                Forward => self.parts.next(),
                Backward => self.parts.next_back(),
            };
        }
    }
}

/// The part that comes after `passed`.
fn beyond<'k>(
    part: KeyRange<&'k [u8]>,
    passed: KeyRange<&'k [u8]>,
    direction: Direction,
) -> Option<KeyRange<&'k [u8]>> {
    match (direction, passed.key_end()) {
        (Backward, _) => range(part.first_key(), part.key_end().min(KeyEnd::At(passed.first_key()))),
        (Forward, KeyEnd::At(end)) => range(part.first_key().max(end), part.key_end()),
        (Forward, KeyEnd::Unbounded) => None,
    }
}

/// The range between these ends, if it holds a key.
fn range<'k>(start: &'k [u8], end: KeyEnd<&'k [u8]>) -> Option<KeyRange<&'k [u8]>> {
    end.is_above(start).then(|| KeyRange::between(start, end))
}

impl<'t: 'k, 'k> Iterator for Scan<'t, 'k> {
    type Item = Shard<'t>;

    fn next(&mut self) -> Option<Shard<'t>> {
        loop {
            match self.piece()? {
                Piece::Shard(shard) => return Some(shard),
                Piece::Gap(gap) => self.pass(gap),
            }
        }
    }
}

impl<'t: 'k, 'k> FusedIterator for Scan<'t, 'k> {}

impl fmt::Debug for Scan<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("direction", &self.direction)
            .field("open", &self.open)
            .field("parts", &self.parts.as_slice())
            .finish_non_exhaustive()
    }
}
