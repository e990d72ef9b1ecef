//! What became of the shard that an old token names.

use super::lineage::Passed;
use super::{Memory, Passing, Shards, Table};
use crate::shard::{Shard, Token};

/// What became of the shard of a [`Token`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fate<'t> {
    /// Nothing: the token is of this epoch.
    Same(Shard<'t>),
    /// It has the keys that it had; its leader or its replicas are others.
    Moved(Shard<'t>),
    /// These have its keys, in key order, and perhaps others besides: it was split, and its parts may have been split or
    /// merged again. Keys that nobody has are in none.
    Split(Shards<'t>),
    /// This one has all its keys, and perhaps others besides.
    Merged(Shard<'t>),
    /// Nobody has its keys.
    Removed,
    /// The token is of a state that this table has not seen: who sent it knows more.
    Ahead,
    /// It was so long ago that the table has forgotten ([`Memory`]), or there was no such shard.
    Unknown,
}

/// Old tokens.
impl Table {
    /// What became of the shard that a token names, as far as the table remembers.
    ///
    /// O(log n) for a token of a shard that is there in this epoch of its range; else O(log n + memory / 32). No allocation.
    ///
    /// ```
    /// use shardway::{Change, Fate, NodeId, ShardId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let token = table.resolve("")?.token();
    /// let (table, _) = table.apply(&[Change::split(token.shard, "m"), Change::split(ShardId(3), "t")])?;
    /// let Fate::Split(parts) = table.fate(token) else { panic!("it was split") };
    /// assert!(parts.map(|part| part.start()).eq([&b""[..], b"m", b"t"]));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[must_use]
    pub fn fate(&self, token: Token) -> Fate<'_> {
        let Token { shard: id, epoch } = token;
        if self.is_behind(token) {
            return Fate::Ahead;
        }
        match self.shard(id).filter(|shard| shard.epoch().range == epoch.range) {
            Some(shard) if shard.epoch() == epoch => Fate::Same(shard),
            Some(shard) => Fate::Moved(shard),
            None => self.lineage.find(id, epoch.range).map_or(Fate::Unknown, |passed| self.heirs(passed)),
        }
    }

    fn heirs(&self, passed: Passed<'_>) -> Fate<'_> {
        let mut heirs = self.range(passed.range);
        let all = heirs.clone();
        match (heirs.next(), heirs.next()) {
            (None, _) => Fate::Removed,
            (Some(heir), None) if heir.range().contains_range(&passed.range) => Fate::Merged(heir),
            _ => Fate::Split(all),
        }
    }

    /// What the table remembers of shards that are gone, and for how long.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.lineage.memory()
    }

    /// Every passing that the table remembers, the oldest first, with copies of its keys.
    pub fn passings(&self) -> impl Iterator<Item = Passing> {
        self.lineage.iter().map(Passed::to_passing)
    }
}
