//! Keeps a copy of a table current, and serves from it all the while.

use std::error::Error;
use std::fmt;

use shardway::{Router, Table};

use super::channel::{End, News, Request};

#[derive(Default)]
pub(crate) struct Took {
    deltas: usize,
    /// How often something was found to be missing.
    pub(crate) missed: usize,
    /// Deltas for tables that it did not have then, and those that it had been told of already.
    passed_over: usize,
    /// Key ranges that went from one node to another.
    moves: usize,
}

pub(crate) fn run(router: &Router, end: &End) -> Result<Took, Box<dyn Error + Send + Sync>> {
    let mut took = Took::default();
    let mut waits = false;
    loop {
        let old = router.snapshot();
        let has = (old.revision(), old.digest());
        match end.receive()? {
            News::Delta(delta) => match router.follow(&delta) {
                Ok(_) => {
                    took.deltas += 1;
                    took.moves += old.moves(&router.snapshot()).filter(|keys| keys.changes_node()).count();
                    waits = false;
                    continue;
                }
                // What it asked for is on its way, or it is as far already.
                Err(shardway::Error::StaleRevision { .. }) if waits || delta.to <= has.0 => {
                    took.passed_over += 1
                }
                Err(shardway::Error::StaleRevision { .. } | shardway::Error::OtherTable { .. }) => {
                    took.missed += 1;
                    waits = true;
                    end.send(&Request::Since { revision: has.0, digest: has.1 })?;
                }
                Err(other) => return Err(other.into()),
            },
            // The same router goes on, so that its readers do: it follows what lies between the two tables.
            News::Whole(image) => {
                router.follow(&old.delta(&Table::from_image(image)?))?;
                waits = false;
            }
            News::End { revision, digest } if (revision, digest) == has => {
                end.send(&Request::Thanks)?;
                return Ok(took);
            }
            News::End { .. } => {
                end.send(&Request::Since { revision: has.0, digest: has.1 })?;
                waits = true;
            }
        }
    }
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deltas, ", self.deltas)?;
        write!(
            f,
            "{} times one was found to be missing, {} passed over meanwhile; ",
            self.missed, self.passed_over
        )?;
        write!(f, "{} key ranges changed nodes", self.moves)
    }
}
