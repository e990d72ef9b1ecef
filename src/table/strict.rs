//! Scans of ranges that have to be covered. What they walk over is in [`ranges`](super::ranges).

use std::iter::FusedIterator;

use super::ranges::{Piece, Scan};
use crate::error::Error;
use crate::key::KeyRange;
use crate::shard::Shard;

/// A [`Scan`] of ranges that have to be covered. The first gap on its way is an error, after which nothing comes.
///
/// ```
/// use shardway::{Direction, Error, KeyRange, NodeId, ShardId, ShardRecord, Table};
///
/// let table = Table::from_records([
///     ShardRecord::new(ShardId(1), KeyRange::try_from("a".."g")?, NodeId(1)),
///     ShardRecord::new(ShardId(2), KeyRange::try_from("m".."z")?, NodeId(1)),
/// ])?;
/// let mut scan = table.scan(&["b".."p"], Direction::Forward)?.strict();
/// assert_eq!(scan.next().unwrap()?.id(), ShardId(1));
/// assert_eq!(scan.next(), Some(Err(Error::Uncovered { gap: KeyRange::try_from("g".."m")? })));
/// assert_eq!(scan.next(), None);
/// assert_eq!(scan.rest(), [KeyRange::try_from("g".."p")?]);
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StrictScan<'t, 'k> {
    pub(super) scan: Scan<'t, 'k>,
    pub(super) has_failed: bool,
}

impl<'t: 'k, 'k> StrictScan<'t, 'k> {
    /// What is still to come, as [`Scan::rest`] has it: after an error, the gap and what lies beyond.
    #[must_use]
    pub fn rest(&self) -> Vec<KeyRange> {
        self.scan.rest()
    }
}

impl<'t: 'k, 'k> Iterator for StrictScan<'t, 'k> {
    type Item = Result<Shard<'t>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        Some(match self.scan.piece()? {
            Piece::Shard(shard) => Ok(shard),
            Piece::Gap(gap) => {
                self.has_failed = true;
                Err(Error::Uncovered { gap: gap.to_key_range() })
            }
        })
    }
}

impl<'t: 'k, 'k> FusedIterator for StrictScan<'t, 'k> {}
